//! Settings: the settings file and the defaults, made into one checked set of values. Flags and environment come in from `cli`.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::yaml::{Diagnostic, Diagnostics, Reader, SourceFile};

/// Name of the settings file.
pub const FILE: &str = "mailmedic.yaml";

/// What the settings file says. Paths are resolved against its folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// Where it was read from.
    pub file: Option<PathBuf>,
    /// Folder where runs are kept.
    pub state: Option<PathBuf>,
    /// Folder of the workspace's own runbooks.
    pub runbooks: Option<PathBuf>,
    /// Folder of the workspace's own templates.
    pub templates: Option<PathBuf>,
    /// Name that stands for `--by`.
    pub by: Option<String>,
    /// Resolvers to ask.
    pub resolver: Vec<SocketAddr>,
    /// PEM file of certificate authorities that web servers may have beside the public ones.
    pub authorities: Option<PathBuf>,
}

const KEYS: &[&str] = &[
    "state",
    "runbooks",
    "templates",
    "by",
    "resolver",
    "authorities",
];

impl Settings {
    /// Reads the settings: `named` if given, else the nearest [`FILE`] in `here` or above, else the user's own, else defaults.
    ///
    /// # Errors
    /// Every fault of the file at once.
    pub fn load(named: Option<&Path>, here: &Path) -> Result<Self, Diagnostics> {
        let own = || config_home().map(|home| home.join("mailmedic").join(FILE));
        let found = match named {
            Some(path) => Some(path.to_owned()),
            None => here
                .ancestors()
                .map(|folder| folder.join(FILE))
                .chain(own())
                .find(|path| path.is_file()),
        };
        match found {
            Some(path) => Settings::read(&path),
            None => Ok(Settings::default()),
        }
    }

    fn read(path: &Path) -> Result<Self, Diagnostics> {
        let shown = path.display().to_string();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                let file = SourceFile::new(shown, "");
                return Err(Diagnostics::one(Diagnostic::of_file(
                    &file,
                    format!("cannot read the settings file: {error}"),
                    "name an existing file with --config, or leave it out",
                )));
            }
        };
        let file = SourceFile::new(shown, text);
        let tree = crate::yaml::parse(&file)?;
        let mut reader = Reader::new(&file);
        let mut settings = Settings {
            file: Some(path.to_owned()),
            ..Settings::default()
        };
        if !tree.is_null() {
            let fields = reader.fields(&tree, "the settings", KEYS);
            let folder = path.parent().unwrap_or(Path::new("."));
            let mut place = |key: &str, what: &str| {
                let node = fields.get(key)?;
                reader.text(node, what).map(|text| folder.join(text))
            };
            settings.state = place("state", "the state folder");
            settings.runbooks = place("runbooks", "the folder of runbooks");
            settings.templates = place("templates", "the folder of templates");
            settings.authorities = place("authorities", "the file of certificate authorities");
            if let Some(node) = fields.get("by") {
                settings.by = reader.text(node, "your name");
            }
            if let Some(node) = fields.get("resolver") {
                for (text, span) in reader.texts(node, "the resolvers") {
                    match resolver(&text) {
                        Some(address) => settings.resolver.push(address),
                        None => reader.fault(
                            span,
                            format!("'{text}' is not a resolver"),
                            "write ADDRESS or ADDRESS:PORT, such as 192.0.2.53",
                        ),
                    }
                }
            }
        }
        if reader.is_clean() {
            Ok(settings)
        } else {
            Err(reader.finish())
        }
    }
}

/// Where runs are kept when nobody says otherwise: `$XDG_STATE_HOME/mailmedic`, else `~/.local/state/mailmedic`.
pub fn default_state() -> PathBuf {
    xdg("XDG_STATE_HOME", ".local/state")
        .unwrap_or_else(|| PathBuf::from("."))
        .join("mailmedic")
}

fn config_home() -> Option<PathBuf> {
    xdg("XDG_CONFIG_HOME", ".config")
}

fn xdg(variable: &str, under_home: &str) -> Option<PathBuf> {
    let given = std::env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    given.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(under_home)))
}

/// Reads `ADDRESS` or `ADDRESS:PORT`; port 53 when absent. IPv6 with a port is written `[ADDRESS]:PORT`.
pub fn resolver(text: &str) -> Option<SocketAddr> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address);
    }
    let address: IpAddr = text
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .ok()?;
    Some(SocketAddr::new(address, 53))
}
