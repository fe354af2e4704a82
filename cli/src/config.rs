//! One TOML file configures a run; every section belongs to the crate that reads it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use datasets::{Augment, DataConfig, SplitConfig};
use hdl_gen::HardwareConfig;
use quantizer::{ModelConfig, QuantizeConfig, TrainConfig};
use serde::{Deserialize, Serialize};
use sim::EvaluateConfig;

/// The sections of a configuration file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunConfig {
    /// Where samples come from and how they are prepared.
    pub data: DataConfig,
    /// Which subjects train, choose and are reported.
    pub split: SplitConfig,
    /// Shape of the U-Net.
    pub model: ModelConfig,
    /// Float training.
    pub train: TrainConfig,
    /// Random change of training patches.
    pub augment: Augment,
    /// Fine-tuning with quantization in the loop.
    pub quantize: QuantizeConfig,
    /// Shape of the accelerator.
    pub hardware: HardwareConfig,
    /// Tiling and statistics of the evaluation.
    pub evaluate: EvaluateConfig,
}

/// Options shared by the subcommands that read a configuration.
#[derive(Args, Clone)]
pub struct ConfigArgs {
    /// Configuration of the run (TOML; docs/configuration.md documents every key)
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Folder of the data set, instead of data.root of the configuration
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Sets one key of the configuration, e.g. `--set quantize.weight_bits=3`; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// Options of the subcommands that write into a run folder.
#[derive(Args, Clone)]
pub struct RunArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Folder of the run [default: runs/NAME for a configuration called NAME.toml]
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// Backend of Burn that trains, instead of train.backend: flex, or ndarray, cuda or wgpu where
    /// qunet was built with the feature of that name
    #[arg(long, value_name = "NAME")]
    backend: Option<String>,
}

impl ConfigArgs {
    /// Reads, overrides and checks the configuration.
    pub fn load(&self) -> Result<RunConfig> {
        let mut config = read(&self.config, &self.set)?;
        if let Some(root) = &self.data {
            config.data.root = root.clone();
        } else if config.data.root.is_relative() && !config.data.root.as_os_str().is_empty() {
            let folder = self.config.parent().unwrap_or(Path::new("."));
            config.data.root = folder.join(&config.data.root);
        }
        validate(&config).with_context(|| format!("configuration {}", self.config.display()))?;
        Ok(config)
    }
}

impl RunArgs {
    /// Reads, overrides and checks the configuration.
    pub fn load(&self) -> Result<RunConfig> {
        let mut arguments = self.config.clone();
        arguments.set.extend(self.backend.iter().map(|name| format!("train.backend={name}")));
        arguments.load()
    }

    /// The options that name the configuration.
    pub fn config(&self) -> &ConfigArgs {
        &self.config
    }

    /// The folder that receives weights, metrics and the model.
    pub fn run_dir(&self) -> PathBuf {
        let name = self.config.config.file_stem().unwrap_or_default();
        self.run.clone().unwrap_or_else(|| Path::new("runs").join(name))
    }
}

/// The configuration of a file, or the defaults, with settings applied; data is not checked.
pub fn load_optional(path: Option<&Path>, settings: &[String]) -> Result<RunConfig> {
    match path {
        Some(path) => read(path, settings),
        None => parse("", settings),
    }
}

/// The settings of none of these sections.
pub fn foreign<'a>(
    settings: &'a [String],
    sections: &'a [&str],
) -> impl Iterator<Item = &'a String> {
    let section = |setting: &'a String| setting.split_once('.').map_or("", |(name, _)| name);
    settings.iter().filter(move |setting| !sections.contains(&section(setting)))
}

/// Reads a configuration file and applies `section.key=value` settings.
fn read(path: &Path, settings: &[String]) -> Result<RunConfig> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("configuration {}", path.display()))?;
    parse(&text, settings).with_context(|| format!("configuration {}", path.display()))
}

fn parse(text: &str, settings: &[String]) -> Result<RunConfig> {
    let trimmed = |error: toml::de::Error| anyhow::anyhow!("{}", error.to_string().trim_end());
    let mut table: toml::Table = text.parse().map_err(trimmed)?;
    check_keys(&table)?;
    for setting in settings {
        apply(&mut table, setting)?;
        check_keys(&table).with_context(|| format!("--set {setting}"))?;
    }
    RunConfig::deserialize(table).map_err(trimmed)
}

/// Puts `a.b.c=value` into the table; a value that is not TOML is taken as text.
fn apply(table: &mut toml::Table, setting: &str) -> Result<()> {
    let Some((key, value)) = setting.split_once('=') else {
        bail!("--set: expected KEY=VALUE, found {setting:?}");
    };
    let text = || format!("{key} = {}", toml::Value::String(value.to_owned()));
    let parsed = format!("{key} = {value}").parse::<toml::Table>();
    let parsed = parsed.or_else(|_| text().parse::<toml::Table>());
    let Ok(parsed) = parsed else {
        bail!("--set {setting}: expected a key of TOML, as section.key, found {key:?}");
    };
    if let Some((name, _)) = parsed.iter().find(|(_, content)| !content.is_table()) {
        let of = sections_with(name)?.join(" or ");
        let meant = if of.is_empty() { of } else { format!("; did you mean {of}?") };
        bail!("--set {setting}: expected SECTION.KEY=VALUE, found no section{meant}");
    }
    merge(table, parsed);
    Ok(())
}

/// Puts the values of one table into another, section by section.
fn merge(into: &mut toml::Table, from: toml::Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(toml::Value::Table(into)), toml::Value::Table(from)) => merge(into, from),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// `section.key` for each section that has a key.
fn sections_with(key: &str) -> Result<Vec<String>> {
    let sections = toml::Table::try_from(RunConfig::default())?;
    let sections = sections.keys().filter(|name| known_keys(name).iter().any(|known| known == key));
    Ok(sections.map(|name| format!("{name}.{key}")).collect())
}

/// Refuses unknown sections and keys, naming the nearest known one.
fn check_keys(table: &toml::Table) -> Result<()> {
    let known = toml::Table::try_from(RunConfig::default())?;
    for (section, content) in table {
        if !known.contains_key(section) {
            let nearest = nearest(section, known.keys());
            bail!("unknown section [{section}]; the nearest known section is [{nearest}]");
        }
        let toml::Value::Table(content) = content else {
            bail!("{section}: expected keys as {section}.KEY, found a value");
        };
        let keys = known_keys(section);
        if let Some(unknown) = content.keys().find(|key| !keys.contains(key)) {
            let nearest = nearest(unknown, keys.iter());
            bail!("unknown key {section}.{unknown}; the nearest known key is {section}.{nearest}");
        }
    }
    Ok(())
}

/// The keys of a section, optional ones included, from serde's own message.
fn known_keys(section: &str) -> Vec<String> {
    let probe = format!("[{section}]\n\"?\" = 0\n");
    let message = toml::from_str::<RunConfig>(&probe).err().map(|e| e.to_string());
    let message = message.unwrap_or_default();
    let list = message.split("expected").nth(1).unwrap_or_default();
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn nearest<'a>(found: &str, known: impl Iterator<Item = &'a String>) -> &'a str {
    let distance = |name: &&'a String| strsim::damerau_levenshtein(found, name);
    known.min_by_key(distance).map_or("", String::as_str)
}

fn validate(config: &RunConfig) -> Result<()> {
    config.data.validate()?;
    config.split.validate()?;
    config.model.validate()?;
    config.train.validate(&config.model)?;
    config.augment.validate()?;
    config.quantize.validate()?;
    config.hardware.validate()?;
    config.evaluate.validate()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str, settings: &[&str]) -> String {
        let settings: Vec<String> = settings.iter().map(|s| s.to_string()).collect();
        format!("{:#}", parse(text, &settings).unwrap_err())
    }

    #[test]
    fn unknown_names_are_refused_with_the_nearest_known_one() {
        assert_eq!(
            message("[quantise]\nweight_bits = 4", &[]),
            "unknown section [quantise]; the nearest known section is [quantize]"
        );
        assert_eq!(
            message("[quantize]\nweigth_bits = 4", &[]),
            "unknown key quantize.weigth_bits; the nearest known key is quantize.weight_bits"
        );
        assert_eq!(
            message("", &["data.spacin=[1.0, 1.0]"]),
            "--set data.spacin=[1.0, 1.0]: unknown key data.spacin; the nearest known key is \
             data.spacing"
        );
    }

    #[test]
    fn settings_override_the_file() {
        let settings = ["quantize.weight_bits=3", "data.root=some/where"].map(String::from);
        let config = parse("[quantize]\nweight_bits = 4", &settings).unwrap();
        assert_eq!(config.quantize.weight_bits, 3);
        assert_eq!(config.data.root, Path::new("some/where"));
    }

    #[test]
    fn a_setting_reaches_quoted_keys_and_needs_a_section() {
        let setting = [r#"quantize.layers."enc0.conv1".weight_bits=2"#.to_owned()];
        let config = parse("[quantize.layers.head]\nweight_bits = 4", &setting).unwrap();
        let bits = config.quantize.layers.values().map(|layer| layer.weight_bits);
        assert_eq!(bits.collect::<Vec<_>>(), [Some(2), Some(4)]);
        assert_eq!(
            message("", &["weight_bits=3"]),
            "--set weight_bits=3: expected SECTION.KEY=VALUE, found no section; did you mean \
             quantize.weight_bits?"
        );
    }

    #[test]
    fn a_setting_without_value_is_refused() {
        assert_eq!(
            message("", &["train.steps"]),
            "--set: expected KEY=VALUE, found \"train.steps\""
        );
    }
}
