//! What is loaded in this process: the binary and its libraries, with where they are in memory and in their files.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use object::read::ReadCache;
use object::{Object, ObjectSegment};
use procfs::process::{MMPermissions, MMapPath, MemoryMap, Process};

use crate::process::ProcessError;

const THIS_BINARY: &str = "/proc/self/exe";
const THIS_MEMORY: &str = "/proc/self/mem";
/// The kernel's own library, which is in no file.
const VDSO: &str = "[vdso]";

/// Something that can be read piece by piece: a binary is large, and few parts of it are asked for.
pub(super) trait Source: Read + Seek {}

impl<S: Read + Seek> Source for S {}

/// What has been read of a module's file.
pub(super) type Image = ReadCache<Box<dyn Source>>;

/// Code that is mapped in one piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Module {
    /// Its file, as the kernel names it.
    pub(super) path: PathBuf,
    /// Where its code is in memory.
    pub(super) memory: Range<u64>,
    /// Where that begins in the file.
    pub(super) file_offset: u64,
    /// What is added to an address of the file to have it in memory.
    pub(super) bias: u64,
    /// By which debuggers find the file of the same build; empty where the linker wrote none.
    pub(super) build_id: String,
}

impl Module {
    /// All that are loaded now, the binary itself first. What cannot be read is left out, and told in the log.
    ///
    /// # Errors
    /// The system does not tell what is mapped.
    pub(super) fn loaded() -> Result<Vec<Self>, ProcessError> {
        let failed = |source| ProcessError::Proc {
            process: std::process::id().cast_signed(),
            source,
        };
        let maps = Process::myself().and_then(|process| process.maps()).map_err(failed)?;
        let mut modules: Vec<_> = maps.into_iter().filter_map(|map| Self::of(&map)).collect();
        modules.sort_by_key(|module| (!is_this_binary(&module.path), module.memory.start));
        Ok(modules)
    }

    fn of(map: &MemoryMap) -> Option<Self> {
        if !map.perms.contains(MMPermissions::EXECUTE) {
            return None;
        }
        let path = match &map.pathname {
            MMapPath::Path(path) => path.clone(),
            MMapPath::Vdso => VDSO.into(),
            _ => return None,
        };
        let (start, end) = map.address;
        let mut module = Self {
            path,
            memory: start..end,
            file_offset: map.offset,
            bias: 0,
            build_id: String::new(),
        };
        match module.complete() {
            Ok(()) => Some(module),
            Err(error) => {
                tracing::debug!("{} is not read for a profile: {error}", module.path.display());
                None
            }
        }
    }

    fn complete(&mut self) -> io::Result<()> {
        let image = self.image()?;
        let object = object::File::parse(&image).map_err(io::Error::other)?;
        self.build_id = object.build_id().ok().flatten().map(hex::encode).unwrap_or_default();
        let offset = self.file_offset;
        let segments = object.segments();
        let mut code = segments.filter(|segment| segment.permissions().executable());
        let bias = code.find_map(|segment| {
            let (from, size) = segment.file_range();
            // The kernel maps whole pages.
            let is_mapped = offset < from.saturating_add(size) && from < offset.saturating_add(self.length());
            let address = segment.address().wrapping_sub(from).wrapping_add(offset);
            is_mapped.then(|| self.memory.start.wrapping_sub(address))
        });
        self.bias = bias.ok_or_else(|| io::Error::other("none of its segments is what is mapped"))?;
        Ok(())
    }

    const fn length(&self) -> u64 {
        self.memory.end - self.memory.start
    }

    /// Its file, to be parsed. The binary is found even where another was put in its place since.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(super) fn image(&self) -> io::Result<Image> {
        let source: Box<dyn Source> = if self.path == Path::new(VDSO) {
            let mut bytes = vec![0; usize::try_from(self.length()).unwrap_or(0)];
            let mut memory = File::open(THIS_MEMORY)?;
            memory.seek(SeekFrom::Start(self.memory.start))?;
            memory.read_exact(&mut bytes)?;
            Box::new(Cursor::new(bytes))
        } else if is_this_binary(&self.path) {
            Box::new(File::open(THIS_BINARY)?)
        } else {
            Box::new(File::open(&self.path)?)
        };
        Ok(ReadCache::new(source))
    }

    /// The address in its file of one in memory; `None` where that is of another module.
    pub(super) fn address_in_file(&self, address: u64) -> Option<u64> {
        self.memory.contains(&address).then(|| address.wrapping_sub(self.bias))
    }

    /// The name of its file without the directory.
    pub(super) fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        name.to_string_lossy().into_owned()
    }
}

fn is_this_binary(path: &Path) -> bool {
    std::fs::read_link(THIS_BINARY).is_ok_and(|binary| binary == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_of_this_binary_lies_in_its_first_module() {
        let modules = Module::loaded().unwrap();
        let address = Module::name as fn(&Module) -> String as usize as u64;
        let first = &modules[0];
        assert_eq!(Some(first.path.as_path()), std::env::current_exe().ok().as_deref());
        let in_file = first.address_in_file(address).unwrap();
        let image = first.image().unwrap();
        let object = object::File::parse(&image).unwrap();
        let code = object
            .segments()
            .find(|segment| segment.permissions().executable())
            .unwrap();
        assert!(
            (code.address()..code.address() + code.size()).contains(&in_file),
            "{in_file:#x} of {modules:?}"
        );
        let libraries = modules.iter().filter(|module| module.name().contains(".so"));
        assert!(libraries.count() > 0, "{modules:?}");
    }
}
