//! One archive: the binary and all that is given away with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::root;
use crate::linked::{self, Package};
use crate::links;

/// A shell, and the name under which its completions are looked for.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "selvedge.bash"),
    ("zsh", "_selvedge"),
    ("fish", "selvedge.fish"),
];
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// From the workspace as it is: a file or a folder.
const COPIED: [&str; 4] = ["conf", "docs", "examples", "LICENSE"];
/// The repository's tells how to build.
const README: &str = include_str!("README.archive");
const SUMS: &str = "SHA256SUMS";

/// ```text
/// selvedge-VERSION-linux-ARCH/
///   bin/selvedge          conf/            examples/
///   completions/          man/man1/        docs/, README.md, LICENSE
///   THIRD-PARTY-LICENSES  THIRD-PARTY-LICENSES.rust-std.html
///   sbom.cdx.json         SHA256SUMS (of all other files)
/// selvedge-VERSION-linux-ARCH.tar.xz, and the same with .sha256
/// ```
pub(super) fn make(binary: &Path, packages: &[Package], place: &Path, packer: &str) -> Result<PathBuf, String> {
    let name = format!("selvedge-{VERSION}-linux-{}", std::env::consts::ARCH);
    let folder = place.join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| format!("removing {}: {error}", folder.display()))?;
    }
    let bin = folder.join("bin");
    make_folder(&bin)?;
    let command = bin.join("selvedge");
    fs::copy(binary, &command).map_err(|error| format!("copying {}: {error}", binary.display()))?;
    for copied in COPIED {
        run(Command::new("cp").arg("-r").arg(root().join(copied)).arg(&folder))?;
    }
    write(&folder.join("README.md"), README)?;
    let completions = folder.join("completions");
    make_folder(&completions)?;
    for (shell, file) in COMPLETIONS {
        let text = run(Command::new(&command).args(["completion", shell]))?;
        write(&completions.join(file), &text)?;
    }
    run(Command::new(&command).arg("manual").arg(folder.join("man/man1")))?;
    write(&folder.join("THIRD-PARTY-LICENSES"), &linked::licences(packages)?)?;
    if let Some((notices, name)) = linked::notices(packages) {
        fs::copy(&notices, folder.join(name)).map_err(|error| format!("copying {}: {error}", notices.display()))?;
    }
    let bill = linked::bill_of_materials(packages, VERSION);
    write(&folder.join("sbom.cdx.json"), &format!("{bill:#}\n"))?;
    let broken = links::broken(&folder)?;
    if !broken.is_empty() {
        return Err(format!("links that lead nowhere in the archive: {}", broken.join(", ")));
    }
    let sums = "find . -type f ! -name SHA256SUMS -print0 | LC_ALL=C sort -z | xargs -0 sha256sum";
    let sums = run(Command::new("sh").args(["-c", sums]).current_dir(&folder))?;
    write(&folder.join(SUMS), &sums)?;
    pack(place, &name, packer)
}

/// Equal files make equal archives: no time, no owner, one order.
fn pack(place: &Path, name: &str, packer: &str) -> Result<PathBuf, String> {
    let file = format!("{name}.tar.xz");
    let mut tar = Command::new("tar");
    tar.args([
        "--create",
        "--sort=name",
        "--mtime=@0",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
    ])
    .args([
        "--mode=u+rwX,go+rX,go-w",
        "--use-compress-program",
        packer,
        "--file",
        &file,
        name,
    ])
    .current_dir(place);
    run(&mut tar)?;
    let sum = run(Command::new("sha256sum").arg(&file).current_dir(place))?;
    write(&place.join(format!("{file}.sha256")), &sum)?;
    Ok(place.join(file))
}

fn make_folder(folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| format!("making {}: {error}", folder.display()))
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|error| format!("writing {}: {error}", file.display()))
}

/// What a command says; its complaints go to whoever runs this.
fn run(command: &mut Command) -> Result<String, String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("{command:?} cannot be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?} ended with {}", output.status));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("{command:?}: {error}"))
}
