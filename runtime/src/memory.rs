//! What the allocator of this process has given out.
//!
//! glibc keeps the books anyway: to ask it costs nothing between two questions, where an allocator that counts would cost
//! every allocation an atomic addition (`docs/decisions/`).

use std::ffi::c_char;
use std::ptr;

use quick_xml::events::attributes::Attributes;
use quick_xml::events::{BytesStart, Event};

/// The heap of this process, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HeapReading {
    /// Allocated and not freed.
    pub in_use: u64,
    /// Freed, and kept by the allocator.
    pub free: u64,
}

impl HeapReading {
    /// Asks the allocator; `None` where it does not tell.
    pub fn now() -> Option<Self> {
        parse(&malloc_info()?)
    }
}

/// glibc's own report, in XML.
#[expect(unsafe_code, reason = "the C library is asked, and no kept crate wraps this call")]
fn malloc_info() -> Option<String> {
    let mut text: *mut c_char = ptr::null_mut();
    let mut length = 0;
    // SAFETY: the stream writes to a buffer of its own, whose address and length stand in the two variables once it is
    // closed; both outlive it. The buffer is this function's then, and is freed once.
    unsafe {
        let stream = libc::open_memstream(&raw mut text, &raw mut length);
        if stream.is_null() {
            return None;
        }
        let told = libc::malloc_info(0, stream);
        let closed = libc::fclose(stream);
        let bytes = (told == 0 && closed == 0 && !text.is_null())
            .then(|| std::slice::from_raw_parts(text.cast::<u8>(), length).to_vec());
        libc::free(text.cast());
        bytes.and_then(|bytes| String::from_utf8(bytes).ok())
    }
}

/// The sums over all arenas, which stand behind them: what was taken from the system (`system`), what of it lies free
/// (`total`: `fast` and `rest`), and large blocks, which are mapped one by one (`total`: `mmap`).
fn parse(report: &str) -> Option<HeapReading> {
    let mut reader = quick_xml::Reader::from_str(report);
    let (mut arenas, mut system, mut free, mut mapped) = (0_u32, 0, 0, 0);
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) if element.name().as_ref() == "heap" => arenas += 1,
            Event::End(element) if element.name().as_ref() == "heap" => arenas -= 1,
            Event::Empty(element) if arenas == 0 => match (element.name().as_ref(), kind(&element)?.as_str()) {
                ("total", "mmap") => mapped = size(element.attributes())?,
                ("total", _) => free += size(element.attributes())?,
                ("system", "current") => system = size(element.attributes())?,
                _ => {}
            },
            Event::Eof => break,
            _ => {}
        }
    }
    Some(HeapReading {
        in_use: (system + mapped).checked_sub(free)?,
        free,
    })
}

fn kind(element: &BytesStart<'_>) -> Option<String> {
    let kind = element.try_get_attribute("type").ok()??;
    Some(kind.value.into_owned())
}

fn size(mut attributes: Attributes<'_>) -> Option<u64> {
    let size = attributes.find_map(|attribute| attribute.ok().filter(|one| one.key.as_ref() == "size"))?;
    size.value.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of glibc 2.36, shortened.
    const REPORT: &str = r#"<malloc version="1">
<heap nr="0">
<sizes>
  <size from="33" to="48" total="96" count="2"/>
  <unsorted from="65" to="65" total="65" count="1"/>
</sizes>
<total type="fast" count="2" size="96"/>
<total type="rest" count="1" size="4000"/>
<system type="current" size="135168"/>
<system type="max" size="135168"/>
<aspace type="total" size="135168"/>
<aspace type="mprotect" size="135168"/>
</heap>
<total type="fast" count="2" size="96"/>
<total type="rest" count="1" size="4000"/>
<total type="mmap" count="1" size="1052672"/>
<system type="current" size="135168"/>
<system type="max" size="135168"/>
<aspace type="total" size="135168"/>
<aspace type="mprotect" size="135168"/>
</malloc>
"#;

    #[test]
    fn the_sums_behind_the_arenas_count() {
        let expected = HeapReading {
            in_use: 135_168 + 1_052_672 - 4096,
            free: 4096,
        };
        assert_eq!(parse(REPORT), Some(expected));
        assert_eq!(parse("<malloc"), None);
    }

    #[test]
    fn a_large_block_is_in_use_until_it_is_freed() {
        const SIZE: u64 = 256 << 20;
        let before = HeapReading::now().unwrap().in_use;
        let block = vec![1_u8; SIZE as usize];
        let with = HeapReading::now().unwrap().in_use;
        assert!(with >= before + SIZE / 2, "{before} {with}");
        drop(std::hint::black_box(block));
        let after = HeapReading::now().unwrap().in_use;
        assert!(after <= with - SIZE / 2, "{with} {after}");
    }
}
