//! From a sample to the functions that called each other: by `.eh_frame`, the compiler's tables for unwinding.

use framehop::{
    CacheNative, ExplicitModuleSectionInfo, MayAllocateDuringUnwind, UnwindRegsNative, Unwinder, UnwinderNative,
};
use object::{Object, ObjectSection};

use super::modules::Module;
use super::sampler::Sample;

/// The deepest stack that is told; none of Selvedge's comes near it.
const MOST_FRAMES: usize = 512;

/// Walks stacks of this process.
pub(super) struct Unwinding {
    unwinder: UnwinderNative<Vec<u8>, MayAllocateDuringUnwind>,
    cache: CacheNative<MayAllocateDuringUnwind>,
}

impl Unwinding {
    /// With the tables of these modules.
    pub(super) fn of(modules: &[Module]) -> Self {
        let mut unwinder = UnwinderNative::new();
        for module in modules {
            match tables(module) {
                Ok(tables) => unwinder.add_module(framehop::Module::new(
                    module.name(),
                    module.memory.clone(),
                    module.bias,
                    tables,
                )),
                Err(error) => tracing::debug!("no tables of {} for a profile: {error}", module.path.display()),
            }
        }
        Self {
            unwinder,
            cache: CacheNative::new(),
        }
    }

    /// Addresses of instructions, the innermost first: where the thread was, then each call that had not returned. A stack
    /// that was not copied to its end, or that the tables do not know, is told as far as it goes.
    pub(super) fn walk(&mut self, sample: &Sample<'_>) -> Vec<u64> {
        let registers = self.registers(sample);
        let mut read = |address| sample.word_at(address).ok_or(());
        let mut frames = self
            .unwinder
            .iter_frames(sample.pc, registers, &mut self.cache, &mut read);
        let mut stack = Vec::new();
        while let Ok(Some(frame)) = frames.next() {
            stack.push(frame.address_for_lookup());
            if stack.len() == MOST_FRAMES {
                break;
            }
        }
        stack
    }

    #[cfg(target_arch = "x86_64")]
    fn registers(&self, sample: &Sample<'_>) -> UnwindRegsNative {
        UnwindRegsNative::new(sample.pc, sample.sp, sample.frame)
    }

    #[cfg(target_arch = "aarch64")]
    fn registers(&self, sample: &Sample<'_>) -> UnwindRegsNative {
        // Some machines sign the addresses that functions return to.
        let mask = framehop::aarch64::PtrAuthMask::from_max_known_address(self.unwinder.max_known_code_address());
        UnwindRegsNative::new_with_ptr_auth_mask(mask, sample.link, sample.sp, sample.frame)
    }
}

fn tables(module: &Module) -> std::io::Result<ExplicitModuleSectionInfo<Vec<u8>>> {
    let image = module.image()?;
    let object = object::File::parse(&image).map_err(std::io::Error::other)?;
    let section = |name| {
        let section = object.section_by_name(name)?;
        let addresses = section.address()..section.address().saturating_add(section.size());
        Some((addresses, section))
    };
    let content = |name| {
        let (addresses, section) = section(name)?;
        Some((addresses, section.data().ok()?.to_vec()))
    };
    let (eh_frame_svma, eh_frame) = content(".eh_frame").unzip();
    let (eh_frame_hdr_svma, eh_frame_hdr) = content(".eh_frame_hdr").unzip();
    Ok(ExplicitModuleSectionInfo {
        base_svma: 0,
        text_svma: section(".text").map(|(addresses, _)| addresses),
        got_svma: section(".got").map(|(addresses, _)| addresses),
        eh_frame_svma,
        eh_frame,
        eh_frame_hdr_svma,
        eh_frame_hdr,
        ..ExplicitModuleSectionInfo::default()
    })
}
