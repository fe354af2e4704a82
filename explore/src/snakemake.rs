//! A sweep as a Snakefile: one rule a job, for local cores or any executor of Snakemake.

use std::fmt::Write;
use std::path::Path;

use crate::folder::Folder;
use crate::trial::Job;

/// Threads that a rule asks for.
const THREADS: usize = 2;
/// Memory that a rule asks for, in MB.
const MEMORY_MB: usize = 4000;

/// The Snakefile of a sweep.
///
/// `qunet` is the binary, `arguments` are those of `qunet sweep` without `--trial`; paths in them
/// must be absolute. Snakemake runs in the sweep's folder, so that results are the same files as
/// those of `qunet sweep` itself, and either continues what the other left.
pub fn snakefile(jobs: &[Job], folder: &Folder, qunet: &Path, arguments: &[String]) -> String {
    let mut text = String::from(
        "# Written by `qunet sweep --snakemake`: one rule a job. Local cores: `snakemake --cores N`;\n\
         # a cluster: the same with an executor plugin of Snakemake, such as `--executor slurm`.\n\
         # Another binary: `--config qunet=PATH`.\n",
    );
    let _ = writeln!(text, "workdir: {}\n", python(&folder.root().to_string_lossy()));
    let binary = python(&qunet.to_string_lossy());
    let _ = writeln!(text, "QUNET = config.get(\"qunet\", {binary})");
    let list = arguments.iter().map(|argument| python(argument)).collect::<Vec<_>>().join(", ");
    let _ = writeln!(text, "ARGUMENTS = [{list}]\n\n");
    text += "rule all:\n    input:\n";
    for job in jobs {
        let _ = writeln!(text, "        \"{}/result.json\",", job.name());
    }
    for job in jobs {
        let name = job.name();
        let _ = writeln!(text, "\n\nrule {}:", name.replace('-', "_"));
        if let Job::Trial(trial) = job {
            let float = Job::Float { seed: trial.seed }.name();
            let _ = writeln!(text, "    input: \"{float}/result.json\"");
        }
        let _ = writeln!(text, "    output: \"{name}/result.json\"");
        let _ = writeln!(text, "    log: \"{name}/log.txt\"");
        let _ = writeln!(text, "    threads: {THREADS}");
        let _ = writeln!(text, "    resources: mem_mb={MEMORY_MB}");
        let _ = writeln!(
            text,
            "    shell: \"RAYON_NUM_THREADS={{threads}} {{QUNET:q}} sweep {{ARGUMENTS:q}} \
             --trial {name} >> {{log}} 2>&1\""
        );
    }
    text
}

/// A Python string literal.
fn python(text: &str) -> String {
    let mut literal = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => literal.extend(['\\', character]),
            '\n' => literal += "\\n",
            _ => literal.push(character),
        }
    }
    literal.push('"');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_survive_python() {
        assert_eq!(python("a\"b\\c\nd{e}"), "\"a\\\"b\\\\c\\nd{e}\"");
    }
}
