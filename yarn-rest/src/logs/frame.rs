//! What a server puts around a log.

const BEGIN: &[u8] = b"LogContents:\n";
/// A head is some lines; a log without one is passed on as it is.
const LONGEST_HEAD: usize = 16 * 1024;

/// What the bytes so far say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// It may still come.
    Unfinished,
    /// There is none: all is log.
    None,
    /// The log begins at this byte, and its file is so long where the server told.
    Ends { at: usize, file_length: Option<u64> },
}

pub(super) fn head(bytes: &[u8]) -> Head {
    let Some(begin) = find(bytes, BEGIN) else {
        let is_one = b"Container: ".starts_with(bytes) || bytes.starts_with(b"Container: ");
        return match is_one && bytes.len() < LONGEST_HEAD {
            true => Head::Unfinished,
            false => Head::None,
        };
    };
    let head = String::from_utf8_lossy(&bytes[..begin]);
    let length = head.lines().find_map(|line| line.strip_prefix("LogLength:"));
    Head::Ends {
        at: begin + BEGIN.len(),
        file_length: length.and_then(|length| length.trim().parse().ok()),
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::{Head, head};

    #[test]
    fn a_head_ends_where_the_contents_begin() {
        let whole = "Container: container_1_0001_01_000001 on h:1\n====\nLogType:stderr\nLogLength:7\nLogContents:\nx";
        assert_eq!(
            head(whole.as_bytes()),
            Head::Ends {
                at: whole.len() - 1,
                file_length: Some(7)
            }
        );
        for end in 0..whole.len() - 1 {
            assert_eq!(head(&whole.as_bytes()[..end]), Head::Unfinished, "{end}");
        }
        assert_eq!(head(b"plain text"), Head::None);
        assert_eq!(
            head(format!("Container: {}", "x".repeat(20_000)).as_bytes()),
            Head::None
        );
    }
}
