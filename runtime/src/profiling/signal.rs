//! The handler of SIGPROF, and the timer that sends it. The handler copies the registers and the top of the stack of the thread
//! that it interrupts into a message to [`RECEIVER`]: calls of the system that POSIX allows in a handler, and nothing else. A
//! stack that ends early is copied to its end; what does not fit the socket's buffer is counted as lost.
#![allow(
    unsafe_code,
    reason = "a handler of signals, which no kept crate lets read the registers"
)]

use std::ffi::{c_int, c_void};
use std::io;
use std::mem::zeroed;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::time::Duration;

/// How much of a stack is copied, in bytes: all of one as Selvedge's are.
pub(super) const STACK_BYTES: usize = 64 << 10;
/// Words before the stack: the profile, the thread, pc, sp, frame pointer, link register (0 where the machine has none).
pub(super) const HEAD_WORDS: usize = 6;
/// How much may wait for the receiver, in bytes; the system may allow less.
const BUFFER_BYTES: c_int = 4 << 20;
/// The least page of any machine.
const PAGE: usize = 4096;
/// What the kernel takes for a set of signals.
const KERNEL_SIGSET_BYTES: usize = 8;

/// The number of the profile that samples are for; 0 while there is none.
static PROFILE: AtomicU64 = AtomicU64::new(0);
/// Samples that found the buffer full.
static LOST: AtomicU64 = AtomicU64::new(0);
static SENDER: AtomicI32 = AtomicI32::new(-1);
/// Never closed: a handler that was interrupted might write to whatever has the descriptor next.
static ENDS: OnceLock<(UnixDatagram, UnixDatagram)> = OnceLock::new();

/// Where samples arrive. Installs the handler, once and for ever: a signal that was on its way when the last profile ended
/// would end a process that has none.
///
/// # Errors
/// The system refuses the sockets or the handler.
pub(super) fn receiver() -> io::Result<&'static UnixDatagram> {
    if ENDS.get().is_none() {
        let ends = UnixDatagram::pair()?;
        drop(ENDS.set(ends));
    }
    let (sender, receiver) = ENDS.get().expect("it was just set");
    widen(sender)?;
    SENDER.store(sender.as_raw_fd(), Ordering::Release);
    install()?;
    Ok(receiver)
}

/// From now on samples are for this profile.
pub(super) fn begin(profile: u64) {
    LOST.store(0, Ordering::Relaxed);
    PROFILE.store(profile, Ordering::Release);
}

/// From now on there are none. Tells how many were lost.
pub(super) fn end() -> u64 {
    PROFILE.store(0, Ordering::Release);
    LOST.load(Ordering::Relaxed)
}

/// Has the process interrupted whenever it has used so much CPU time; never, where that is zero.
///
/// # Errors
/// The system refuses the timer.
pub(super) fn interrupt_every(period: Duration) -> io::Result<()> {
    let every = libc::timeval {
        tv_sec: period.as_secs().cast_signed(),
        tv_usec: period.subsec_micros().into(),
    };
    let timer = libc::itimerval {
        it_interval: every,
        it_value: every,
    };
    // SAFETY: the timer is read during the call, and the old one is not asked for.
    checked(unsafe { libc::setitimer(libc::ITIMER_PROF, &raw const timer, ptr::null_mut()) })
}

fn install() -> io::Result<()> {
    let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = on_signal;
    // SAFETY: an action of zeroes is one without flags; the handler has the form that SA_SIGINFO asks for, and lives for ever.
    checked(unsafe {
        let mut action: libc::sigaction = zeroed();
        action.sa_sigaction = handler as libc::sighandler_t;
        // On the stack that Rust's threads have for handlers: that of a task may be nearly full.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK;
        libc::sigemptyset(&raw mut action.sa_mask);
        libc::sigaction(libc::SIGPROF, &raw const action, ptr::null_mut())
    })
}

fn widen(socket: &UnixDatagram) -> io::Result<()> {
    let bytes = BUFFER_BYTES;
    // SAFETY: the value is read during the call, and is as long as is said.
    checked(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_SNDBUF,
            (&raw const bytes).cast(),
            size_of_val(&bytes) as libc::socklen_t,
        )
    })
}

fn checked(outcome: c_int) -> io::Result<()> {
    match outcome {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

extern "C" fn on_signal(_: c_int, _: *mut libc::siginfo_t, context: *mut c_void) {
    let profile = PROFILE.load(Ordering::Acquire);
    if profile == 0 || context.is_null() {
        return;
    }
    // SAFETY: the kernel gives a context that is valid while the handler runs. What is interrupted may be about to read its
    // `errno`, which therefore stays.
    unsafe {
        let errno = libc::__errno_location();
        let before = *errno;
        send(profile, &*context.cast::<libc::ucontext_t>());
        *errno = before;
    }
}

/// SAFETY: to be called in the handler, with its context.
unsafe fn send(profile: u64, context: &libc::ucontext_t) {
    let [pc, sp, frame, link] = registers(context);
    // SAFETY: takes and gives numbers only. glibc 2.17 has no name for the call.
    let thread = unsafe { libc::syscall(libc::SYS_gettid) };
    let mut head: [u64; HEAD_WORDS] = [profile, thread.cast_unsigned(), pc, sp, frame, link];
    let stack = sp as usize;
    let mut parts = [
        libc::iovec {
            iov_base: head.as_mut_ptr().cast(),
            iov_len: size_of_val(&head),
        },
        libc::iovec {
            iov_base: ptr::with_exposed_provenance_mut(stack),
            iov_len: readable_from(stack),
        },
    ];
    // SAFETY: a header of zeroes names nobody and carries nothing. The parts live until the call returns; the kernel reads the
    // memory and says so where it cannot.
    let sent = unsafe {
        let mut message: libc::msghdr = zeroed();
        message.msg_iov = parts.as_mut_ptr();
        message.msg_iovlen = parts.len();
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        libc::sendmsg(SENDER.load(Ordering::Acquire), &raw const message, flags)
    };
    if sent < 0 {
        LOST.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(target_arch = "x86_64")]
fn registers(context: &libc::ucontext_t) -> [u64; 4] {
    let register = |name: c_int| context.uc_mcontext.gregs[name as usize].cast_unsigned();
    [
        register(libc::REG_RIP),
        register(libc::REG_RSP),
        register(libc::REG_RBP),
        0,
    ]
}

#[cfg(target_arch = "aarch64")]
fn registers(context: &libc::ucontext_t) -> [u64; 4] {
    let machine = &context.uc_mcontext;
    [machine.pc, machine.sp, machine.regs[29], machine.regs[30]]
}

/// How many bytes from here on can be read, at most [`STACK_BYTES`]. The first page can: its thread has just used it.
fn readable_from(start: usize) -> usize {
    let mut end = (start | (PAGE - 1)).saturating_add(1);
    while end.saturating_sub(start) < STACK_BYTES && is_readable(end) {
        end += PAGE;
    }
    end.saturating_sub(start).min(STACK_BYTES)
}

/// Whether the kernel can read the address: it looks at a set of signals before it sees that nothing can be done with it. The
/// one call for this that needs neither a descriptor nor a buffer.
fn is_readable(address: usize) -> bool {
    let nothing: c_int = -1;
    // SAFETY: changes nothing, as -1 is no way to change a mask; a bad address is an error of the call.
    unsafe {
        let outcome = libc::syscall(
            libc::SYS_rt_sigprocmask,
            nothing,
            address,
            ptr::null_mut::<c_void>(),
            KERNEL_SIGSET_BYTES,
        );
        outcome == 0 || *libc::__errno_location() != libc::EFAULT
    }
}
