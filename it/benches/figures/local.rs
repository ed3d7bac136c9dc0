//! WordCount of 180 MB on the local target, one subtask.

use std::path::Path;
use std::process::Stdio;

use anyhow::ensure;
use selvedge_it::cli::{Selvedge, usage};
use selvedge_it::data::{MEGABYTE, zipf_text};
use tokio::time::Instant;

use selvedge_it::figure::{Samples, Table, runs};

pub(crate) fn measure(table: &mut Table) -> anyhow::Result<()> {
    let text = zipf_text(180 * MEGABYTE, 1);
    let [mut cpu, mut wall, mut pss, mut vm_peak] = <[Samples; 4]>::default();
    for run in 0..=runs() {
        let output = tempfile::tempdir()?;
        let begun = Instant::now();
        let mut child = wordcount(&text, &output.path().join("out"))
            .command()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let (status, cost) = usage::wait_with_cost(&mut child);
        let took = begun.elapsed();
        ensure!(status.success(), "the WordCount ended with {status}");
        // The first run reads the text from the disk.
        if run > 0 {
            cpu.push_seconds(cost.cpu);
            wall.push_seconds(took);
            pss.push_mebibytes(cost.peak_pss);
            vm_peak.push_mebibytes(cost.vm_peak);
        }
    }
    table.add("WordCount 180 MB, local, p=1: CPU", "s", cpu, Some(2.5), "9.1–12.0");
    table.add("WordCount 180 MB, local, p=1: wall", "s", wall, None, "6.9–8.9");
    table.add(
        "WordCount 180 MB, local, p=1: peak PSS",
        "MiB",
        pss,
        Some(200.0),
        "1812 (RSS)",
    );
    table.add("WordCount 180 MB, local, p=1: VmPeak", "MiB", vm_peak, None, "");
    Ok(())
}

fn wordcount(input: &Path, output: &Path) -> Selvedge {
    Selvedge::new("run")
        .args(["-p", "1"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/wordcount.json"))
        .args([
            "--input".as_ref(),
            input.as_os_str(),
            "--output".as_ref(),
            output.as_os_str(),
        ])
}
