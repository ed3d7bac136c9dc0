//! Memory that held a password or a secret is overwritten before it is given back.

#![allow(unsafe_code, reason = "an allocator, which looks at what is given back to it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use yarn_common::token::{Credentials, CredentialsFormat, Token, TokenKind};

/// What no freed memory may hold. Built when it is used, so that the program's own text does not count.
const HALVES: (&[u8; 8], &[u8; 8]) = (b"s3cr3t-p", b"assw0rd!");

static LEAKS: AtomicUsize = AtomicUsize::new(0);

struct Watching;

#[global_allocator]
static ALLOCATOR: Watching = Watching;

impl Watching {
    /// # Safety
    /// `pointer` must point to `length` bytes that may be read.
    unsafe fn look(pointer: *const u8, length: usize) {
        // Volatile and byte by byte: parts of it may never have been written.
        let byte = |at: usize| unsafe { pointer.add(at).read_volatile() };
        let wanted = |at: usize| if at < 8 { HALVES.0[at] } else { HALVES.1[at - 8] };
        for start in 0..(length + 1).saturating_sub(16) {
            if (0..16).all(|at| byte(start + at) == wanted(at)) {
                LEAKS.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Zeroed, so that all of it may be read later.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe {
            Self::look(pointer, layout.size());
            System.dealloc(pointer, layout);
        }
    }

    // `realloc` is the default one: it allocates, copies and deallocates, and so what it leaves is looked at.
}

fn secret() -> Vec<u8> {
    let mut secret = Vec::with_capacity(16);
    secret.extend_from_slice(HALVES.0);
    secret.extend_from_slice(HALVES.1);
    secret
}

/// How many freed blocks have held the secret while `run` ran.
fn leaks(run: impl FnOnce()) -> usize {
    let before = LEAKS.load(Ordering::SeqCst);
    run();
    LEAKS.load(Ordering::SeqCst) - before
}

/// One test, since the count is of the whole process.
#[test]
fn passwords_and_secrets_are_overwritten_when_they_are_dropped() {
    assert_eq!(leaks(|| drop(secret())), 1, "the allocator does not see a plain buffer");
    let token = || Token::new(&b"identifier"[..], secret(), TokenKind::AmRm, "");
    assert_eq!(leaks(|| drop(token())), 0, "a token");
    assert_eq!(leaks(|| drop(token().clone().with_service("rm:8030"))), 0, "a clone");
    let credentials = || {
        let mut credentials = Credentials::new();
        credentials.add_token("", token());
        credentials.add_secret("name", secret());
        credentials
    };
    assert_eq!(leaks(|| drop(credentials())), 0, "credentials");
    for format in [CredentialsFormat::Writable, CredentialsFormat::Protobuf] {
        assert_eq!(
            leaks(|| drop(credentials().to_bytes_in(format))),
            0,
            "{format:?} written"
        );
        let bytes = credentials().to_bytes_in(format);
        assert_eq!(leaks(|| drop(Credentials::read(&bytes).unwrap())), 0, "{format:?} read");
    }
    let url = token().to_url_string();
    assert_eq!(leaks(|| drop(Token::from_url_string(&url).unwrap())), 0, "the URL form");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("container_tokens");
    let written_and_read = || {
        credentials().write_file(&path).unwrap();
        drop(Credentials::read_file(&path).unwrap());
    };
    assert_eq!(leaks(written_and_read), 0, "a credentials file");
}
