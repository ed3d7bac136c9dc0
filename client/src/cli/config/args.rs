//! What the command line of `config` may say.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::SettingArgs;

/// Options of `config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What `config` can do.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show all options with their values and who set them.
    List(ListArgs),
    /// Print the value of a key.
    Get(KeyArgs),
    /// Tell all about a key: what it is for, its type, default, range and names, and who sets it to what.
    Explain(KeyArgs),
    /// Look for mistakes: unknown keys, wrong values, memory that does not add up, options that nothing goes by.
    Check(CheckArgs),
    /// Print the reference of all options, in Markdown.
    Docs {
        /// How.
        #[command(flatten)]
        output: OutputArgs,
    },
}

/// Options of `config list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only the options of this area, such as taskmanager or yarn.
    #[arg(long, value_name = "AREA")]
    pub area: Option<String>,
    /// Only what is set to something else than its default.
    #[arg(long)]
    pub changed: bool,
    /// How.
    #[command(flatten)]
    pub output: OutputArgs,
    /// The settings.
    #[command(flatten)]
    pub settings: SettingArgs,
}

/// Options of `config get` and `config explain`.
#[derive(Debug, Args)]
pub struct KeyArgs {
    /// The key, or a former name of it.
    pub key: String,
    /// How.
    #[command(flatten)]
    pub output: OutputArgs,
    /// The settings.
    #[command(flatten)]
    pub settings: SettingArgs,
}

/// Options of `config check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The file to check alone; without it, all that a command would go by.
    #[arg(conflicts_with_all = ["set", "config_dir"])]
    pub file: Option<PathBuf>,
    /// How.
    #[command(flatten)]
    pub output: OutputArgs,
    /// The settings.
    #[command(flatten)]
    pub settings: SettingArgs,
}

/// How something is shown.
#[derive(Debug, Clone, Copy, Args)]
pub struct OutputArgs {
    /// For people or for programs.
    #[arg(short, long, value_enum, default_value_t = OutputForm::Table)]
    pub output: OutputForm,
}

/// A form of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputForm {
    /// For people.
    Table,
    /// For programs.
    Json,
}

impl OutputArgs {
    pub(in crate::cli) fn is_json(self) -> bool {
        self.output == OutputForm::Json
    }
}
