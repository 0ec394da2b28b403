/**
 * `psbase completions`: completes command lines in a shell. The script of each shell calls
 * `psbase completions -- WORD…`, which knows the commands and reads the table on the line. Where it
 * prints nothing, the shell completes file names.
 *
 * @module
 */

import { exactly, FLAGS, type Value, VALUES } from "../call/args.ts";
import type { Call, Command, Commands } from "../call/call.ts";
import { didYouMean } from "../call/closest.ts";
import { UsageError } from "../process/errors.ts";

/** A completed word, and what it is. */
type Candidate = readonly [word: string, about: string];

const BASH = `# bash splits words at = and : too, so this splits the line itself.
_psbase() {
  local line=\${COMP_LINE:0:COMP_POINT} word begun IFS
  local -a words
  IFS=' ' read -ra words <<< "\${line//[\\"\\']/}"
  [[ $line == *' ' ]] && words+=('')
  words=("\${words[@]/#~\\//$HOME/}")
  word=\${words[\${#words[@]}-1]}
  begun=\${word%"\${word##*[=:]}"}
  IFS=$'\\n'
  COMPREPLY=($("\${words[0]}" completions -- "\${words[@]:1}" 2>/dev/null |
    while IFS=$'\\t' read -r word _; do printf '%s\\n' "\${word#"$begun"}"; done))
  [[ \${#COMPREPLY[@]} == 1 && \${COMPREPLY[0]} == *[=:] ]] && compopt -o nospace 2>/dev/null
  return 0
}
complete -o default -F _psbase psbase
`;

const ZSH = `#compdef psbase
_psbase() {
  local word about
  local -a line whole begun
  line=("\${(@Q)words[1,CURRENT]}")
  line=("\${(@)line/#\\~\\//$HOME/}")
  "\${line[1]}" completions -- "\${(@)line[2,-1]}" 2>/dev/null |
    while IFS=$'\\t' read -r word about; do
      if [[ $word == *[=:] ]]; then begun+=("\${word//:/\\\\:}:$about")
      else whole+=("\${word//:/\\\\:}:$about"); fi
    done
  if (( $#whole + $#begun == 0 )); then _files; return; fi
  _describe psbase whole -- begun -S ''
}
if [[ $funcstack[1] == _psbase ]]; then _psbase "$@"; else compdef _psbase psbase; fi
`;

const FISH = `function __psbase_complete
    set -l words (string replace -r '^~/' "$HOME/" -- (commandline -opc) (commandline -ct))
    set -l found ($words[1] completions -- $words[2..-1] 2>/dev/null)
    or set -l found
    if set -q found[1]
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c psbase -f -a '(__psbase_complete)'
`;

const SCRIPTS: { readonly [shell: string]: string } = { bash: BASH, zsh: ZSH, fish: FISH };

/** `psbase completions` */
export async function completions(
  { words, command, io: { stdout } }: Call,
  commands: Commands,
): Promise<void> {
  if (command.length > 0) {
    const candidates = await candidatesFor(command, commands);
    return stdout.write(candidates.map((candidate) => `${candidate.join("\t")}\n`).join(""));
  }
  const [shell] = exactly(words, "SHELL");
  const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined;
  if (script === undefined) {
    const hint = didYouMean(shell, Object.keys(SCRIPTS), "there are");
    throw new UsageError(`there is no script for ${JSON.stringify(shell)}${hint}`);
  }
  stdout.write(script);
}

/** The completions of the last word after `psbase`. */
async function candidatesFor(
  [name = "", ...words]: readonly string[],
  commands: Commands,
): Promise<Candidate[]> {
  const word = words.pop();
  const names = Object.entries(commands).map(([name, { summary }]): Candidate => [name, summary]);
  if (word === undefined) return matching(name, names);
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined || words.includes("--")) return [];
  const { values = [] } = command;
  const valueOf = (option: string | undefined) => values.find((value) => option === `--${value}`);

  // The words before it that are neither options nor values of options.
  const before = words.filter((one, i) => !one.startsWith("-") && !valueOf(words[i - 1]));
  const fields = () => fieldsOf(before[0]);
  const value = valueOf(words.at(-1));
  if (value !== undefined) return await valuesOf(VALUES[value][0], word, fields);
  const [, option, begun] = /^(--[\w-]+)=(.*)$/.exec(word) ?? [];
  if (option !== undefined) {
    const value = valueOf(option);
    if (value === undefined) return [];
    const candidates = await valuesOf(VALUES[value][0], begun!, fields);
    return candidates.map(([word, about]) => [`${option}=${word}`, about]);
  }
  if (word.startsWith("-")) return matching(word, optionsOf(command));
  const kinds = command.usage.split(" --")[0]!.split(" ");
  const repeated = kinds.find((kind) => kind.endsWith("…"));
  const kind = words.includes("--set") ? "FIELD=VALUE…" : kinds[before.length] ?? repeated;
  if (kind === "[COMMAND]") return matching(word, names);
  return kind === undefined ? [] : await valuesOf(kind, word, fields);
}

/** The completions of a word that help calls `kind`. */
async function valuesOf(
  kind: string,
  word: string,
  fields: () => Promise<Candidate[]>,
): Promise<Candidate[]> {
  if (/^[a-z]+(\|[a-z]+)+$/.test(kind)) {
    return matching(word, kind.split("|").map((one) => [one, ""]));
  }
  if (kind === "FIELD") return matching(word, await fields());
  if (kind === "TYPE") {
    const { CONVERTIBLE } = await import("../../engine/schema/convert.ts");
    return matching(word, CONVERTIBLE.map((type) => [type, ""]));
  }
  if (kind === "COND…" || kind === "FIELD=VALUE…") {
    return matching(word, (await fields()).map(([name, about]) => [`${name}=`, about]));
  }
  if (kind.startsWith("A,")) {
    const [begun] = /^(?:.*,)?[+-]?/.exec(word)!;
    return matching(word, (await fields()).map(([name, about]) => [begun + name, about]));
  }
  if (kind.startsWith("FIELD:TYPE")) {
    const [begun] = /^[^:=]*:(?:[^:=]*:)*/.exec(word) ?? [];
    if (begun === undefined) return [];
    const { VALUE_TYPES } = await import("../../engine/schema/values.ts");
    const { OPTIONS } = await import("../call/fields.ts");
    const names = begun.indexOf(":") === begun.length - 1 ? Object.keys(VALUE_TYPES) : OPTIONS;
    return matching(word, names.map((name) => [begun + name, ""]));
  }
  return [];
}

function matching(word: string, candidates: readonly Candidate[]): Candidate[] {
  return candidates.filter(([candidate]) => candidate.startsWith(word));
}

function optionsOf({ flags = [], values = [], set = false }: Command): Candidate[] {
  return [
    ...values.map((value: Value): Candidate => [`--${value}`, VALUES[value][1]]),
    ...flags.map((flag): Candidate => [`--${flag}`, FLAGS[flag]]),
    ...(set ? [["--set", "the fields to change"] as const] : []),
    ["--help", "print help"],
  ];
}

/** The fields of the table at a path; none if there is no table. */
async function fieldsOf(path: string | undefined): Promise<Candidate[]> {
  if (path === undefined) return [];
  const { PsBase } = await import("../../mod.ts");
  const { columnsOf } = await import("../call/fields.ts");
  try {
    using base = PsBase.openSync(path, { readOnly: true });
    return columnsOf(base.schema).map(({ name, type }) => [name, type.name]);
  } catch {
    return []; // the command will say what is wrong
  }
}
