//! The built-in city as a folder, for tests that change something about it.

use std::fs;
use std::path::Path;

/// Writes its files into a folder, which is made, each as `change` makes it of its name and text.
pub fn write_city(folder: &Path, change: impl Fn(&str, &str) -> String) {
    fs::create_dir_all(folder).expect("a folder");
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/city/pudong");
    for entry in fs::read_dir(built_in).expect("the built-in city").map(|entry| entry.expect("an entry")) {
        let name = entry.file_name().into_string().expect("UTF-8");
        let bytes = fs::read(entry.path()).expect("a file");
        // All but the model is text.
        let bytes =
            String::from_utf8(bytes).map_or_else(|other| other.into_bytes(), |text| change(&name, &text).into_bytes());
        fs::write(folder.join(&name), bytes).expect("written");
    }
}
