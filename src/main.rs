//! Exit code in, nothing else.

fn main() -> std::process::ExitCode {
    mailmedic::cli::main()
}
