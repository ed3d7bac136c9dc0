//! The C library, opened at run time.
//!
//! This is the only module of the crate with unsafe code. What it relies on:
//! - the names and signatures below are those of RFC 2744, which every GSSAPI library keeps;
//! - the library is opened once and never closed, so its functions and its constant names stay valid;
//! - a buffer that the library fills is copied and given back at once, whatever the outcome;
//! - a context is used by one caller at a time (`&mut self`), which is what the library asks for; it is not bound to a
//!   thread.

#![allow(unsafe_code, reason = "calls into a C library; see above")]

use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::sync::OnceLock;

use libloading::Library;

use super::GssError;

type Status = u32;

/// `gss_buffer_desc`, and `gss_OID_desc` on the platforms that pack it alike.
#[repr(C)]
struct Buffer {
    length: usize,
    value: *mut c_void,
}

impl Buffer {
    const EMPTY: Self = Self {
        length: 0,
        value: null_mut(),
    };

    /// A view of bytes that the library only reads.
    fn of(bytes: &[u8]) -> Self {
        Self {
            length: bytes.len(),
            value: bytes.as_ptr().cast_mut().cast(),
        }
    }
}

/// `gss_OID_desc`.
#[repr(C)]
struct Oid {
    length: u32,
    elements: *const c_void,
}

impl Oid {
    fn of(bytes: &'static [u8]) -> Self {
        Self {
            length: bytes.len() as u32,
            elements: bytes.as_ptr().cast(),
        }
    }
}

/// The mechanism of a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mechanism {
    /// Kerberos version 5 (1.2.840.113554.1.2.2).
    Krb5,
    /// SPNEGO (1.3.6.1.5.5.2), which web servers speak.
    Spnego,
}

impl Mechanism {
    fn oid(self) -> Oid {
        match self {
            Self::Krb5 => Oid::of(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02]),
            Self::Spnego => Oid::of(&[0x2b, 0x06, 0x01, 0x05, 0x05, 0x02]),
        }
    }
}

/// GSS_C_NT_HOSTBASED_SERVICE (1.2.840.113554.1.2.1.4).
const HOST_BASED: [u8; 10] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x01, 0x04];
/// Mutual authentication, no replay, no reordering, confidentiality, integrity. Never delegation: the ticket stays here.
const FLAGS: u32 = 2 | 4 | 8 | 16 | 32;
const CONTINUE_NEEDED: Status = 1;
/// Calling and routine errors.
const ERRORS: Status = 0xffff_0000;
/// GSS_S_NO_CRED, and GSS_S_CREDENTIALS_EXPIRED.
const NO_CREDENTIALS: Status = 7 << 16;
const CREDENTIALS_EXPIRED: Status = 11 << 16;
const GSS_CODE: i32 = 1;
const MECHANISM_CODE: i32 = 2;

type ImportName = unsafe extern "C" fn(*mut Status, *const Buffer, *const Oid, *mut *mut c_void) -> Status;
type ReleaseName = unsafe extern "C" fn(*mut Status, *mut *mut c_void) -> Status;
type ReleaseBuffer = unsafe extern "C" fn(*mut Status, *mut Buffer) -> Status;
type DeleteContext = unsafe extern "C" fn(*mut Status, *mut *mut c_void, *mut Buffer) -> Status;
type DisplayStatus = unsafe extern "C" fn(*mut Status, Status, i32, *const Oid, *mut u32, *mut Buffer) -> Status;
type InitContext = unsafe extern "C" fn(
    *mut Status,
    *const c_void,
    *mut *mut c_void,
    *const c_void,
    *const Oid,
    u32,
    u32,
    *const c_void,
    *const Buffer,
    *mut *const Oid,
    *mut Buffer,
    *mut u32,
    *mut u32,
) -> Status;
type Wrap = unsafe extern "C" fn(*mut Status, *mut c_void, i32, u32, *const Buffer, *mut i32, *mut Buffer) -> Status;
type Unwrap = unsafe extern "C" fn(*mut Status, *mut c_void, *const Buffer, *mut Buffer, *mut i32, *mut u32) -> Status;

/// The functions used, as they were found.
pub(super) struct Gssapi {
    import_name: ImportName,
    release_name: ReleaseName,
    release_buffer: ReleaseBuffer,
    delete_context: DeleteContext,
    display_status: DisplayStatus,
    init_context: InitContext,
    wrap: Wrap,
    unwrap: Unwrap,
}

const NAMES: [&str; 4] = [
    "libgssapi_krb5.so.2",
    "libgssapi_krb5.so",
    "libgssapi_krb5.dylib",
    "gssapi64.dll",
];

impl Gssapi {
    /// The library of this machine.
    pub(super) fn get() -> Result<&'static Self, GssError> {
        static LIBRARY: OnceLock<Result<Gssapi, String>> = OnceLock::new();
        LIBRARY
            .get_or_init(Self::open)
            .as_ref()
            .map_err(|error| error.clone().into())
    }

    fn open() -> Result<Self, String> {
        let mut reason = String::new();
        for name in NAMES {
            // SAFETY: the initialisers of a GSSAPI library do nothing that depends on this process.
            match unsafe { Library::new(name) } {
                Ok(library) => return Self::resolve(library).map_err(|error| format!("{name} is unusable: {error}")),
                Err(error) if reason.is_empty() => reason = error.to_string(),
                Err(_) => {}
            }
        }
        Err(format!(
            "Kerberos needs the library {}, which cannot be opened ({reason}); install libgssapi-krb5-2 (Debian, Ubuntu) \
             or krb5-libs (Red Hat)",
            NAMES[0]
        ))
    }

    fn resolve(library: Library) -> Result<Self, libloading::Error> {
        // Never closed: the pointers below are used for as long as the process lives.
        let library: &'static Library = Box::leak(Box::new(library));
        // SAFETY: the types are those of RFC 2744 for these names.
        unsafe {
            Ok(Self {
                import_name: *library.get(b"gss_import_name\0")?,
                release_name: *library.get(b"gss_release_name\0")?,
                release_buffer: *library.get(b"gss_release_buffer\0")?,
                delete_context: *library.get(b"gss_delete_sec_context\0")?,
                display_status: *library.get(b"gss_display_status\0")?,
                init_context: *library.get(b"gss_init_sec_context\0")?,
                wrap: *library.get(b"gss_wrap\0")?,
                unwrap: *library.get(b"gss_unwrap\0")?,
            })
        }
    }

    /// Copies what the library has filled, and gives it back.
    fn take(&self, mut buffer: Buffer) -> Vec<u8> {
        let mut bytes = Vec::new();
        if !buffer.value.is_null() {
            // SAFETY: the library has set pointer and length together.
            bytes.extend_from_slice(unsafe { std::slice::from_raw_parts(buffer.value.cast(), buffer.length) });
        }
        let mut minor = 0;
        // SAFETY: the buffer is one of the library's own, or empty, which it allows.
        unsafe { (self.release_buffer)(&raw mut minor, &raw mut buffer) };
        bytes
    }

    fn check(&self, step: &str, major: Status, minor: Status, mechanism: Mechanism) -> Result<(), GssError> {
        if major & ERRORS == 0 {
            return Ok(());
        }
        let oid = mechanism.oid();
        let mut reasons = self.texts(major, GSS_CODE, &oid);
        if minor != 0 {
            reasons.extend(self.texts(minor, MECHANISM_CODE, &oid));
        }
        let remedy = match major & ERRORS {
            NO_CREDENTIALS | CREDENTIALS_EXPIRED => {
                "; get a ticket with kinit, or set KRB5CCNAME or KRB5_CLIENT_KTNAME"
            }
            _ => "; check /etc/krb5.conf, the clocks and the server's principal (klist shows the tickets)",
        };
        Err(format!("{step}: {}{remedy}", reasons.join(": ")).into())
    }

    fn texts(&self, status: Status, kind: i32, oid: &Oid) -> Vec<String> {
        let (mut texts, mut more) = (Vec::new(), 0);
        // A status has a few texts at most.
        for _ in 0..8 {
            let (mut minor, mut buffer) = (0, Buffer::EMPTY);
            // SAFETY: all pointers are to live values of this frame.
            let major =
                unsafe { (self.display_status)(&raw mut minor, status, kind, oid, &raw mut more, &raw mut buffer) };
            let text = self.take(buffer);
            if major & ERRORS == 0 && !text.is_empty() {
                texts.push(String::from_utf8_lossy(&text).into_owned());
            }
            if major & ERRORS != 0 || more == 0 {
                break;
            }
        }
        texts
    }
}

/// The initiator's side of one context.
pub(super) struct Context {
    library: &'static Gssapi,
    mechanism: Mechanism,
    target: *mut c_void,
    context: *mut c_void,
    pub(super) established: bool,
}

// SAFETY: the library lets any thread use a context and a name, one at a time, which `&mut self` ensures.
unsafe impl Send for Context {}

impl Context {
    /// A context with `service@host` that has said nothing yet.
    pub(super) fn new(service: &str, host: &str, mechanism: Mechanism) -> Result<Self, GssError> {
        let library = Gssapi::get()?;
        let name = format!("{service}@{host}");
        let (mut minor, mut target) = (0, null_mut());
        let (buffer, kind) = (Buffer::of(name.as_bytes()), Oid::of(&HOST_BASED));
        // SAFETY: the library copies the name and its kind.
        let major =
            unsafe { (library.import_name)(&raw mut minor, &raw const buffer, &raw const kind, &raw mut target) };
        library.check(&format!("the name {name} is unusable"), major, minor, mechanism)?;
        Ok(Self {
            library,
            mechanism,
            target,
            context: null_mut(),
            established: false,
        })
    }

    pub(super) fn step(&mut self, token: Option<&[u8]>) -> Result<Option<Vec<u8>>, GssError> {
        let (mut minor, mut out) = (0, Buffer::EMPTY);
        let oid = self.mechanism.oid();
        let input = token.map(Buffer::of);
        // SAFETY: all pointers are to live values; null stands for the default credentials, no channel bindings, no
        // token, and results that are not wanted.
        let major = unsafe {
            (self.library.init_context)(
                &raw mut minor,
                null(),
                &raw mut self.context,
                self.target,
                &raw const oid,
                FLAGS,
                0,
                null(),
                input.as_ref().map_or(null(), |buffer| &raw const *buffer),
                null_mut(),
                &raw mut out,
                null_mut(),
                null_mut(),
            )
        };
        let answer = self.library.take(out);
        self.library
            .check("no ticket for the server", major, minor, self.mechanism)?;
        self.established = major & CONTINUE_NEEDED == 0;
        Ok((!answer.is_empty()).then_some(answer))
    }

    pub(super) fn wrap(&mut self, encrypt: bool, message: &[u8]) -> Result<Vec<u8>, GssError> {
        self.must_be_established()?;
        let (mut minor, mut out, mut encrypted) = (0, Buffer::EMPTY, 0);
        let input = Buffer::of(message);
        // SAFETY: the context is established, and all other pointers are to live values.
        let major = unsafe {
            (self.library.wrap)(
                &raw mut minor,
                self.context,
                i32::from(encrypt),
                0,
                &raw const input,
                &raw mut encrypted,
                &raw mut out,
            )
        };
        let wrapped = self.library.take(out);
        self.library
            .check("a message cannot be protected", major, minor, self.mechanism)?;
        if encrypt && encrypted == 0 {
            return Err("the mechanism cannot encrypt".into());
        }
        Ok(wrapped)
    }

    pub(super) fn unwrap(&mut self, message: &[u8]) -> Result<Vec<u8>, GssError> {
        self.must_be_established()?;
        let (mut minor, mut out) = (0, Buffer::EMPTY);
        let input = Buffer::of(message);
        // SAFETY: as above.
        let major = unsafe {
            (self.library.unwrap)(
                &raw mut minor,
                self.context,
                &raw const input,
                &raw mut out,
                null_mut(),
                null_mut(),
            )
        };
        let plain = self.library.take(out);
        self.library
            .check("a protected message failed its check", major, minor, self.mechanism)?;
        Ok(plain)
    }

    /// The library need not check a null context itself.
    fn must_be_established(&self) -> Result<(), GssError> {
        match self.established {
            true => Ok(()),
            false => Err("the login has not ended".into()),
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        let mut minor = 0;
        // SAFETY: both are the library's own, or null, which it allows; neither is used afterwards.
        unsafe {
            (self.library.delete_context)(&raw mut minor, &raw mut self.context, null_mut());
            (self.library.release_name)(&raw mut minor, &raw mut self.target);
        }
    }
}
