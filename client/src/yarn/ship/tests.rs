use std::fs;
use std::path::Path;

use selvedge_runtime::connector::report;

use super::*;

/// What would be sent along, as `name` or `name (archive)`.
async fn planned(settings: &[(&str, &str)], binary: &Path) -> Result<Vec<String>, String> {
    let configuration = settings.iter().copied().collect();
    let plan = ShipPlan::read(&configuration, &FileSystems::local_only(), binary).await;
    let plan = plan.map_err(|error| report(&error))?;
    let named = plan.into_items().map(|item| match item.archive {
        true => format!("{} (archive)", item.key),
        false => item.key,
    });
    Ok(named.collect())
}

fn write(directory: &Path, name: &str) -> String {
    let path = directory.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, name).unwrap();
    path.display().to_string()
}

#[tokio::test]
async fn a_directory_keeps_its_name_and_its_order_and_archives_are_unpacked() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["data/a.txt", "data/below/b.txt", "one.txt"] {
        write(folder.path(), name);
    }
    fs::create_dir(folder.path().join("data/empty")).unwrap();
    let archive = write(folder.path(), "words.TAR.GZ");
    let files = format!("{0}/data/;{0}/one.txt;{0}/data", folder.path().display());
    let settings = [("yarn.ship-files", files.as_str()), ("yarn.ship-archives", &archive)];
    let found = planned(&settings, Path::new("/x/selvedge")).await.unwrap();
    assert_eq!(
        found,
        ["data/a.txt", "data/below/b.txt", "one.txt", "words.TAR.GZ (archive)"]
    );
    // The former name.
    let found = planned(&[("yarn.ship-directories", &archive)], Path::new("/x/selvedge"))
        .await
        .unwrap();
    assert_eq!(found, ["words.TAR.GZ"]);
}

#[tokio::test]
async fn the_usrlib_beside_bin_goes_along_by_itself() {
    let home = tempfile::tempdir().unwrap();
    write(home.path(), "usrlib/model/a.bin");
    let binary = home.path().join("bin/selvedge");
    assert_eq!(planned(&[], &binary).await.unwrap(), ["usrlib/model/a.bin"]);
    assert_eq!(
        planned(&[], &home.path().join("debug/selvedge")).await.unwrap(),
        [""; 0]
    );
}

#[tokio::test]
async fn each_fault_is_told_with_the_setting_and_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let in_folder = |name: &str| write(folder.path(), name);
    let (plain, config) = (in_folder("one.txt"), in_folder("config.yaml"));
    let usrlib = Path::new(&in_folder("usrlib/x"))
        .parent()
        .unwrap()
        .display()
        .to_string();
    let twice = format!("{plain};{}", in_folder("other/one.txt"));
    let many = Path::new(&in_folder("many/0")).parent().unwrap().to_owned();
    for number in 1..400 {
        fs::write(many.join(number.to_string()), "").unwrap();
    }
    let many = many.display().to_string();
    for (key, value, expected) in [
        (
            "yarn.ship-files",
            "/no/such/file",
            &["yarn.ship-files", "/no/such/file", "no such file"][..],
        ),
        ("yarn.ship-files", &config, &["'config.yaml'", "taken", "rename"]),
        ("yarn.ship-files", &usrlib, &["'usrlib'", "taken"]),
        ("yarn.ship-files", "/", &["a name that is taken"]),
        ("yarn.ship-files", "s3://b/x", &["yarn.ship-files", "'s3'"]),
        ("yarn.ship-files", &twice, &["both be 'one.txt'", "rename one"]),
        ("yarn.ship-files", &many, &["400 files", "yarn.ship-archives"]),
        (
            "yarn.ship-archives",
            &plain,
            &["one.txt is no archive", ".tar.gz", "yarn.ship-files"],
        ),
        ("yarn.provided.usrlib.dir", &plain, &["is not named usrlib"]),
        ("yarn.provided.usrlib.dir", &usrlib, &["is on a local disk"]),
    ] {
        let message = planned(&[(key, value)], Path::new("/x/selvedge")).await.unwrap_err();
        for part in expected {
            assert!(message.contains(part), "{message} / {part}");
        }
    }
}
