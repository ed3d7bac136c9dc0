//! A session that has run many jobs holds no more than one that has run few.

use procfs::process::Process;
use selvedge_it::cli::BOUND;
use selvedge_it::session::SessionProcess;
use selvedge_it::wait;

use super::{graph, id, session, until_is};
use crate::folder::{Folder, files_below};
use crate::jobs;

const CYCLES: u8 = 50;
/// How many ended jobs the session keeps for their pages.
const KEPT: usize = 3;

/// Threads and descriptors of the process.
fn held(session: &SessionProcess) -> (usize, usize) {
    let pid = i32::try_from(session.pid().unwrap()).unwrap();
    let process = Process::new(pid).unwrap();
    (process.tasks().unwrap().count(), process.fd_count().unwrap())
}

async fn submit_and_cancel(session: &SessionProcess, folder: &Folder, number: u8) {
    let output = folder.path(&format!("out-{number}")).display().to_string();
    let job = graph(&jobs::endless_files(&output));
    session.rest().submit(id(number), &job).await.unwrap();
    until_is(session, id(number), "RUNNING").await;
    session.rest().cancel(id(number)).await.unwrap();
    until_is(session, id(number), "CANCELED").await;
}

#[tokio::test]
async fn fifty_jobs_that_were_cancelled_leave_no_thread_descriptor_or_file() {
    let folder = Folder::new();
    let kept = format!("jobstore.max-capacity={KEPT}");
    let session = session(&folder, None, &[&kept, "taskmanager.numberOfTaskSlots=1"]).await;
    // What is made once is there after a few.
    for number in 1..=5 {
        submit_and_cancel(&session, &folder, number).await;
    }
    let (threads, descriptors) = held(&session);
    for number in 6..6 + CYCLES {
        submit_and_cancel(&session, &folder, number).await;
    }
    // Threads that wait for work that may block end after a while without.
    let settled = || {
        let now = held(&session);
        std::future::ready(match now.0 <= threads && now.1 <= descriptors {
            true => Ok(()),
            false => Err(format!("{now:?}")),
        })
    };
    let what = format!("at most {threads} threads and {descriptors} descriptors");
    wait::until(&what, BOUND, settled).await.unwrap();
    // Deletions are the last that a job asks for.
    let cleaned = || {
        let files = files_below(folder.root());
        let log = folder.path("session.log");
        let others: Vec<_> = files.into_iter().filter(|file| *file != log).collect();
        let is_kept = |file: &std::path::PathBuf| file.starts_with(folder.path("tmp"));
        std::future::ready(match others.iter().all(is_kept) && others.len() <= KEPT {
            true => Ok(()),
            false => Err(format!("{others:?}")),
        })
    };
    wait::until("no file but those of the jobs that are shown", BOUND, cleaned)
        .await
        .unwrap();
    session.shut_down().await.unwrap();
    assert_eq!(files_below(folder.root()), [folder.path("session.log")]);
}
