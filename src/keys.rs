//! `paidan keys`: makes keys, lists them, and takes them back. A service that runs sees it at once.

use std::path::{Path, PathBuf};

use crate::api::keys::{Entry, Holder, Key, KeyFile};
use crate::data::DataFolder;
use crate::failure::Failure;
use crate::run;

/// A key that is to be made.
#[derive(Clone, Debug)]
pub struct Request {
    /// The data folder of the service; it is made where it is missing.
    pub data: PathBuf,
    /// The city's folder; the one kept with the data without it, else the default city.
    pub city: Option<PathBuf>,
    /// Whom it is given to.
    pub holder: Holder,
    /// Lines a second that it may send.
    pub rate_limit: Option<u32>,
}

/// Makes a key, and gives its name and the key itself, which is not kept.
///
/// # Errors
/// If the city does not know the source, or the file cannot be written.
pub fn add(request: &Request) -> Result<(String, Key), Failure> {
    if let Holder::Source(name) = &request.holder {
        let folder = DataFolder::new(request.data.clone());
        let city = run::city(request.city.as_deref(), Some(&folder))?;
        if city.source_names.get(name).is_none() {
            let known = city.source_names.iter().collect::<Vec<_>>().join(", ");
            return Err(Failure::Usage(format!(
                "--source {name}: 城市没有这个来源 the city knows the sources {known}"
            )));
        }
    }
    std::fs::create_dir_all(&request.data).map_err(|cause| Failure::file("create", &request.data, &cause))?;
    let key = Key::new([run::entropy()?, run::entropy()?, run::entropy()?, run::entropy()?]);
    let added = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let id = change(&request.data, |file| file.add(&key, request.holder.clone(), request.rate_limit, added))?;
    Ok((id, key))
}

/// All keys, as they are kept.
///
/// # Errors
/// If the file cannot be read.
pub fn list(data: &Path) -> Result<Vec<Entry>, Failure> {
    let file = KeyFile::read(data).map_err(|cause| Failure::file("read", &KeyFile::path(data), &cause))?;
    Ok(file.unwrap_or_default().entries)
}

/// Takes a key back.
///
/// # Errors
/// If there is none of that name, or the file cannot be written.
pub fn revoke(data: &Path, id: &str) -> Result<(), Failure> {
    list(data)?.iter().find(|entry| entry.id == id).ok_or_else(|| no_such_key(data, id))?;
    change(data, |file| file.revoke(id))?.then_some(()).ok_or_else(|| no_such_key(data, id))
}

fn no_such_key(data: &Path, id: &str) -> Failure {
    let list = format!("paidan keys list --data {}", data.display());
    Failure::Usage(format!("{id}: 没有这个密钥 there is no such key; `{list}` shows those that there are"))
}

fn change<T>(data: &Path, change: impl FnOnce(&mut KeyFile) -> T) -> Result<T, Failure> {
    KeyFile::change(data, change).map_err(|cause| Failure::file("write", &KeyFile::path(data), &cause))
}
