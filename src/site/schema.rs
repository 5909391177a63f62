//! The JSON Schema of site files (draft 2020-12), for editors.

use serde_json::{Value, json};

/// The schema of site files.
pub fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mailmedic site",
        "type": "object",
        "required": ["id", "name"],
        "additionalProperties": false,
        "properties": {
            "id": {"type": "string", "pattern": TAG, "description": "short name; the file is named after it"},
            "name": text("name for people and documents"),
            "timezone": text("IANA time zone of the site's working hours and of its server's logs"),
            "tags": list("for choosing sites of a fleet", json!({"type": "string", "pattern": TAG})),
            "contacts": object("who is responsible for what", json!({
                "owner": contact("the client"),
                "isp": contact("the network operator: sets reverse DNS, answers SBL listings"),
                "provider": contact("the service provider that does this work"),
            })),
            "domains": texts("mail domains the site receives for and sends from"),
            "mailboxes": {"type": "integer", "minimum": 0, "description": "number of mailboxes; thresholds grow with it"},
            "outbound": object("how mail leaves the site", json!({
                "addresses": texts("public addresses that receivers see"),
                "candidates": texts("addresses that could be used instead"),
                "helo": text("the name the server gives with HELO/EHLO"),
            })),
            "servers": list("the site's own mail servers", required(&["host"], object("a mail server", json!({
                "host": text("its public name"),
                "address": address(),
                "ports": ports("SMTP ports; none: 25"),
                "product": text("exchange-2003, postfix, ...: for hints only"),
                "valid_mailbox": text("a mailbox that exists there: the positive control of the relay test"),
                "account": required(&["username", "password", "sender"], object("an account there that is meant for tests: what a login may do", json!({
                    "username": text("account"),
                    "password": secret_schema(),
                    "sender": text("the sender address that is its own"),
                    "other_sender": text("an address of the site that is somebody else's; none: valid_mailbox"),
                    "ca": text("PEM file of a private certificate authority, relative to this file"),
                }))),
            })))),
            "smarthost": required(&["host"], object("the relay that outbound mail is handed to, or will be", json!({
                "host": text("its name, as the provider gives it"),
                "address": address(),
                "ports": ports("ports to try, best first; none: 587"),
                "tls": tls(),
                "username": text("account"),
                "password": secret_schema(),
                "senders": texts("sender addresses the site will use"),
                "ca": text("PEM file of a private certificate authority, relative to this file"),
            }))),
            "dkim": object("how the site's mail is signed", json!({
                "selectors": texts("DKIM selectors in use, NAME, or NAME@DOMAIN for one domain only"),
                "common": {"type": "boolean", "description": "also look for keys under names that products usually use"},
            })),
            "probe": object("mailboxes the technician controls, outside the site", json!({
                "helo": text("the name this machine gives with EHLO"),
                "sender": text("sender address; bounces come back to it"),
                "recipient": text("recipient address, in a domain that the site does not host"),
                "imap": required(&["host", "username"], object("how to read these mailboxes", json!({
                    "host": text("server name"),
                    "address": address(),
                    "port": port("993 when absent"),
                    "tls": tls(),
                    "username": text("account"),
                    "password": secret_schema(),
                    "ca": text("PEM file of a private certificate authority, relative to this file"),
                }))),
            })),
            "resolver": texts("resolvers to ask, ADDRESS or ADDRESS:PORT; none: the machine's own"),
            "rdap": text("folder of the files that name the registries of addresses, as a URL; none: no registry is asked"),
            "vantage": {"enum": ["outside", "inside", "server"], "description": "where this machine stands, seen from the site"},
            "laboratory": {"type": "boolean", "description": "reserved addresses count as public, and every document says so"},
            "lists": object("settings of blocklist scans", json!({
                "keys": {"type": "object", "additionalProperties": secret_schema(), "description": "keys of lists that need one, by list id"},
                "except": texts("lists to leave out, by id"),
                "also": texts("lists to ask beside the default ones, by id"),
            })),
            "logs": object("settings of the log analysis", json!({
                "working_hours": text("when people of the site write mail, Monday to Friday, as in 8-18; none: 7-19"),
                "inside": texts("networks whose clients belong to the site, beside the private ones"),
                "limits": {
                    "type": "object",
                    "additionalProperties": {"type": "number", "minimum": 0},
                    "description": "limits of signals that are others here, by signal and name: T1.floor",
                },
            })),
            "allow_hosts": texts("further hosts that http.request and notify may talk to"),
            "notes": text("anything the next technician should know"),
        },
    })
}

/// The schema of a reference to a secret.
pub fn secret_schema() -> Value {
    let place = |name: &str, schema: Value| {
        json!({
            "type": "object", "required": [name], "additionalProperties": false, "properties": {name: schema},
        })
    };
    json!({
        "description": "where the secret is kept; never the secret itself",
        "oneOf": [
            place("env", text("name of an environment variable")),
            place("file", text("path of a file, relative to this one")),
            place("command", list("program and arguments, run without a shell", json!({"type": "string"}))),
        ],
    })
}

const TAG: &str = "^[a-z0-9][a-z0-9-]*$";

fn text(description: &str) -> Value {
    json!({"type": "string", "description": description})
}

fn list(description: &str, item: Value) -> Value {
    json!({"type": "array", "items": item, "description": description})
}

/// One text stands for a list of one.
fn texts(description: &str) -> Value {
    json!({
        "description": description,
        "anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}],
    })
}

fn object(description: &str, properties: Value) -> Value {
    json!({
        "description": description, "type": "object", "additionalProperties": false, "properties": properties,
    })
}

fn required(names: &[&str], mut schema: Value) -> Value {
    schema["required"] = json!(names);
    schema
}

fn contact(description: &str) -> Value {
    required(
        &["name"],
        object(
            description,
            json!({
                "name": text("name for documents"),
                "email": text("mail address"),
                "phone": text("telephone number"),
            }),
        ),
    )
}

fn address() -> Value {
    text("where to connect, when the name does not tell")
}

fn port(description: &str) -> Value {
    json!({"type": "integer", "minimum": 1, "maximum": 65_535, "description": description})
}

fn ports(description: &str) -> Value {
    list(description, port("a port"))
}

fn tls() -> Value {
    json!({
        "enum": ["auto", "implicit", "starttls", "opportunistic", "none"],
        "description": "how the connection is secured; auto: implicit TLS on 465 and 993, STARTTLS elsewhere",
    })
}
