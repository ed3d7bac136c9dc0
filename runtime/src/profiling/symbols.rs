//! Names of functions, from the symbols that a module's file has.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;

use object::{Object, ObjectSymbol, SymbolKind};

use super::modules::Module;

/// A function as its file names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Named {
    /// In the form of a source.
    pub(super) name: String,
    /// In the form of the binary.
    pub(super) mangled: String,
}

/// What is known of addresses in memory.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    names: BTreeMap<u64, Named>,
    /// Files that have names of functions.
    named: BTreeSet<PathBuf>,
}

impl Symbols {
    /// The functions at these addresses. A stripped file has none but those that it gives to others.
    pub(super) fn of(modules: &[Module], addresses: impl Iterator<Item = u64>) -> Self {
        let addresses: BTreeSet<u64> = addresses.collect();
        let mut symbols = Self::default();
        for module in modules {
            let here = addresses.range(module.memory.clone());
            let wanted: BTreeMap<u64, u64> = here
                .map(|address| (address.wrapping_sub(module.bias), *address))
                .collect();
            if wanted.is_empty() {
                continue;
            }
            match find(module, &wanted) {
                Ok(found) if found.is_empty() => {}
                Ok(found) => {
                    symbols.named.insert(module.path.clone());
                    symbols.names.extend(found);
                }
                Err(error) => tracing::debug!("no symbols of {} for a profile: {error}", module.path.display()),
            }
        }
        symbols
    }

    pub(super) fn at(&self, address: u64) -> Option<&Named> {
        self.names.get(&address)
    }

    pub(super) fn has_names(&self, module: &Module) -> bool {
        self.named.contains(&module.path)
    }
}

/// Names by address in memory, of `wanted` ones by address in the file.
fn find(module: &Module, wanted: &BTreeMap<u64, u64>) -> io::Result<BTreeMap<u64, Named>> {
    let image = module.image()?;
    let object = object::File::parse(&image).map_err(io::Error::other)?;
    let mut found = BTreeMap::new();
    let symbols = object.symbols().chain(object.dynamic_symbols());
    for symbol in symbols.filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0) {
        let end = symbol.address().saturating_add(symbol.size());
        for address in wanted.range(symbol.address()..end).map(|(_, address)| *address) {
            let Ok(mangled) = symbol.name() else { continue };
            // Where several names are of one function, the first is as good as any.
            found.entry(address).or_insert_with(|| Named {
                // Without the hash of a build.
                name: format!("{:#}", rustc_demangle::demangle(mangled)),
                mangled: mangled.to_owned(),
            });
        }
    }
    Ok(found)
}
