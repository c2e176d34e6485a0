//! The bench city, and what differs from it by a few settings.

use std::sync::Arc;

use paidan::city::{City, CityFiles};

/// The bench city with other settings: pairs of a text in `city.toml` and what stands there instead, everywhere.
pub fn bench_city(changes: &[(&str, &str)]) -> Arc<City> {
    let folder = tempfile::tempdir().expect("a folder");
    loadtest::bench_city::write(folder.path()).expect("a city");
    let files = CityFiles::read(folder.path()).expect("the bench city's files");
    let mut texts: Vec<(&str, String)> = files.texts().map(|(name, text)| (name, text.to_owned())).collect();
    let settings = &mut texts.iter_mut().find(|(name, _)| *name == "city.toml").expect("settings").1;
    for (from, to) in changes {
        assert!(settings.contains(from), "the bench city's settings do not say {from}");
        *settings = settings.replace(from, to);
    }
    let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (*name, &**text)).collect();
    Arc::new(City::compile(CityFiles::from_texts(&texts)).unwrap_or_else(|problems| panic!("{problems}")))
}
