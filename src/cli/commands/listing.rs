//! stub
use crate::cli::{exit::Exit, fail::Fail, workspace::Workspace};
pub(in crate::cli) fn runs(_: &Workspace, _: Option<&str>, _: bool) -> Result<Exit, Fail> {
    Ok(Exit::Healthy)
}
pub(in crate::cli) fn status(_: &Workspace, _: Option<&str>) -> Result<Exit, Fail> {
    Ok(Exit::Healthy)
}
pub(in crate::cli) fn show(_: &Workspace, _: &str, _: Option<&str>) -> Result<Exit, Fail> {
    Ok(Exit::Healthy)
}
