//! A profile in pprof's format.

use std::collections::HashMap;
use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;

use super::ProfilingMode;
use super::modules::Module;
use super::proto::{Function, Label, Line, Location, Mapping, Profile, Sample, ValueType};
use super::recording::Recorded;
use super::sampler::PERIOD;
use super::symbols::{Named, Symbols};

/// The file, gzipped.
pub(super) fn encode(recorded: &Recorded, symbols: &Symbols, mode: ProfilingMode) -> io::Result<Vec<u8>> {
    let profile = profile(recorded, symbols, mode).encode_to_vec();
    let mut file = GzEncoder::new(Vec::new(), Compression::default());
    file.write_all(&profile)?;
    file.finish()
}

fn profile(recorded: &Recorded, symbols: &Symbols, mode: ProfilingMode) -> Profile {
    let mut tables = Tables::new(&recorded.modules, symbols);
    let period = i64::try_from(PERIOD.as_nanos()).unwrap_or(i64::MAX);
    let thread_key = tables.texts.index("thread");
    let samples = recorded.stacks.iter().map(|(thread, stack, count)| {
        let count = count.cast_signed();
        Sample {
            location_id: stack.iter().map(|address| tables.location(*address)).collect(),
            value: vec![count, count.saturating_mul(period)],
            label: vec![Label {
                key: thread_key,
                str: tables.texts.index(thread),
            }],
        }
    });
    let sample = samples.collect();
    let mapping = tables.mappings();
    let texts = &mut tables.texts;
    let time = ValueType {
        r#type: texts.index("cpu"),
        unit: texts.index("nanoseconds"),
    };
    let counted = ValueType {
        r#type: texts.index("samples"),
        unit: texts.index("count"),
    };
    let about = [
        format!("Selvedge {}, mode {mode}", env!("CARGO_PKG_VERSION")),
        recorded.to_string(),
    ];
    Profile {
        sample_type: vec![counted, time],
        comment: about.iter().map(|line| texts.index(line)).collect(),
        default_sample_type: time.r#type,
        sample,
        mapping,
        location: tables.locations,
        function: tables.functions,
        string_table: tables.texts.all,
        time_nanos: i64::try_from(recorded.began.millis())
            .unwrap_or(i64::MAX)
            .saturating_mul(1_000_000),
        duration_nanos: i64::try_from(recorded.duration.as_nanos()).unwrap_or(i64::MAX),
        period_type: Some(time),
        period,
    }
}

/// What samples refer to, each once.
struct Tables<'a> {
    modules: &'a [Module],
    symbols: &'a Symbols,
    texts: Texts,
    locations: Vec<Location>,
    location_of: HashMap<u64, u64>,
    functions: Vec<Function>,
    function_of: HashMap<Named, u64>,
}

impl<'a> Tables<'a> {
    fn new(modules: &'a [Module], symbols: &'a Symbols) -> Self {
        Self {
            modules,
            symbols,
            texts: Texts::default(),
            locations: Vec::new(),
            location_of: HashMap::new(),
            functions: Vec::new(),
            function_of: HashMap::new(),
        }
    }

    fn location(&mut self, address: u64) -> u64 {
        if let Some(id) = self.location_of.get(&address) {
            return *id;
        }
        let mut modules = self.modules.iter().enumerate();
        let module = modules.find(|(_, module)| module.memory.contains(&address));
        let mapping_id = module.map_or(0, |(index, _)| index as u64 + 1);
        // Viewers leave out what has no function at all.
        let named = self.symbols.at(address).cloned().unwrap_or_else(|| {
            let name = unnamed(module.map(|(_, module)| module), address);
            Named {
                mangled: name.clone(),
                name,
            }
        });
        let line = vec![Line {
            function_id: self.function(named),
        }];
        let id = self.locations.len() as u64 + 1;
        self.locations.push(Location {
            id,
            mapping_id,
            address,
            line,
        });
        self.location_of.insert(address, id);
        id
    }

    fn function(&mut self, named: Named) -> u64 {
        let next = self.functions.len() as u64 + 1;
        let id = *self.function_of.entry(named.clone()).or_insert(next);
        if id == next {
            self.functions.push(Function {
                id,
                name: self.texts.index(&named.name),
                system_name: self.texts.index(&named.mangled),
            });
        }
        id
    }

    fn mappings(&mut self) -> Vec<Mapping> {
        let modules = self.modules.iter().zip(1..);
        let mappings = modules.map(|(module, id)| Mapping {
            id,
            memory_start: module.memory.start,
            memory_limit: module.memory.end,
            file_offset: module.file_offset,
            filename: self.texts.index(&module.path.to_string_lossy()),
            build_id: self.texts.index(&module.build_id),
            has_functions: self.symbols.has_names(module),
        });
        mappings.collect()
    }
}

/// What `addr2line` takes: an address in the file, where there is one.
fn unnamed(module: Option<&Module>, address: u64) -> String {
    let in_file = module.and_then(|module| Some((module, module.address_in_file(address)?)));
    match in_file {
        Some((module, address)) => format!("{}+{address:#x}", module.name()),
        None => format!("{address:#x}"),
    }
}

/// The table of texts, whose first is empty.
struct Texts {
    all: Vec<String>,
    index_of: HashMap<String, i64>,
}

impl Default for Texts {
    fn default() -> Self {
        Self {
            all: vec![String::new()],
            index_of: HashMap::from([(String::new(), 0)]),
        }
    }
}

impl Texts {
    fn index(&mut self, text: &str) -> i64 {
        if let Some(index) = self.index_of.get(text) {
            return *index;
        }
        let index = self.all.len().cast_signed() as i64;
        self.all.push(text.to_owned());
        self.index_of.insert(text.to_owned(), index);
        index
    }
}
