import { assertEquals } from "@std/assert";
import { COMMANDS } from "../../../cli/commands.ts";
import { done } from "../../helpers/cli.ts";
import { isInstalled, workplace } from "../../helpers/shell.ts";
import { tempBase } from "../../helpers/temp_base.ts";

const FIELDS = ["name:string:required", "nick:string", "age:integer"];

async function candidates(...words: string[]): Promise<string[]> {
  const lines = (await done(["completions", "--", ...words])).split("\n").slice(0, -1);
  return lines.map((line) => line.split("\t")[0]!);
}

Deno.test("completions prints the completions of a word", async (t) => {
  await using base = tempBase();
  await done(["create", base.path, ...FIELDS]);
  const PATH = base.path;
  const cases: [words: string[], found: string[]][] = [
    [["sel"], ["select"]],
    [["set"], ["set-default", "set-type", "set-index"]],
    [["set-type", PATH, "a"], ["age"]],
    [["set-type", PATH, "age", "da"], ["date", "datetime"]],
    [["set-index", PATH, "age", ""], ["unique", "index", "none"]],
    [["nix"], []],
    [["nix", ""], []],
    [["select", "pe"], []], // the shell knows files
    [["select", PATH, ""], ["name=", "nick=", "age="]],
    [["select", PATH, "age=3", "n"], ["name=", "nick="]],
    [["select", PATH, "n", "--limit", "3", "x"], []],
    [["select", "--limit", "3", PATH, "ni"], ["nick="]],
    [["select", "/no/base", ""], []],
    [["select", PATH, "--li"], ["--limit"]],
    [["select", PATH, "--fields", "n"], ["name", "nick"]],
    [["select", PATH, "--fields", "age,n"], ["age,name", "age,nick"]],
    [["select", PATH, "--fields=age,na"], ["--fields=age,name"]],
    [["select", PATH, "--sort", "-a"], ["-age"]],
    [["select", PATH, "--sort", "name,-ni"], ["name,-nick"]],
    [["select", PATH, "--json=x"], []],
    [["insert", PATH, "name=x", "a"], ["age="]],
    [["update", PATH, "name=x", "a"], ["age="]],
    [["update", PATH, "name=x", "age=1", "a"], ["age="]],
    [["update", PATH, "name=x", "--set", "ni"], ["nick="]],
    [["update", PATH, "--s"], ["--set"]],
    [["drop-field", PATH, "ni"], ["nick"]],
    [["drop-field", PATH, "nick", ""], []],
    [["set-default", PATH, "a"], ["age"]],
    [["add-field", PATH, "x:bo"], ["x:boolean"]],
    [["add-field", PATH, "x:string:re"], ["x:string:required"]],
    [["add-field", PATH, "x:string:required:u"], ["x:string:required:unique"]],
    [["add-field", PATH, "x:string", "--after", "na"], ["name"]],
    [["create", "new", "a:string", "b:dat"], ["b:date", "b:datetime"]],
    [["create", "new", "a"], []],
    [["insert", PATH, "--durability", ""], ["full", "relaxed"]],
    [["insert", PATH, "--durability=r"], ["--durability=relaxed"]],
    [["help", "co"], ["count", "completions"]],
    [["completions", ""], ["bash", "zsh", "fish"]],
    [["lock", "l", ""], []],
    [["lock", "l", "--", "psbase", "--"], []],
    [["get", PATH, "--h"], ["--help"]],
  ];
  for (const [words, found] of cases) {
    await t.step(words.join(" ").replace(PATH, "PATH"), async () => {
      assertEquals(await candidates(...words), found);
    });
  }
  assertEquals(await candidates(""), Object.keys(COMMANDS));
});

/** Command lines, and what they become when tab is pressed at their end. */
const LINES: readonly (readonly [line: string, found: readonly string[]])[] = [
  ["psbase sel", ["select"]],
  ["psbase select peop", ["people/"]],
  ["psbase select people na", ["name="]],
  ["psbase select ~/people ni", ["nick="]],
  ["psbase select 'people' --fields age,na", ["age,name"]],
  ["psbase create new x:str", ["x:string"]],
  ["psbase insert people --durability=re", ["--durability=relaxed"]],
  ["psbase update people name=x --set a", ["age="]],
];

/** A place with a table, and the script of a shell in a file. */
async function completing(shell: string) {
  const place = workplace();
  await place.sh(`psbase create people ${FIELDS.join(" ")}; psbase completions ${shell} > script`);
  return place;
}

const absent = (shell: string) => isInstalled(shell) ? "" : `: ${shell} is not installed`;

Deno.test({
  name: `completions bash completes in bash${absent("bash")}`,
  ignore: absent("bash") !== "",
  async fn(t) {
    using place = await completing("bash");
    // Bash itself splits words at = and :, replaces the last part, and completes files by default.
    const press = `source ./script
      COMP_LINE=$1 COMP_POINT=\${#1} COMP_WORDS=() COMP_CWORD=0 COMPREPLY=()
      _psbase
      last=\${1##* } begun=\${last%"\${last##*[=:]}"}
      (( \${#COMPREPLY[@]} )) || COMPREPLY=($(compgen -d -S / -- "$last"))
      printf '%s\\n' "\${COMPREPLY[@]/#/$begun}"
      complete -p psbase >&2`;
    for (const [line, found] of LINES) {
      await t.step(line, async () => {
        const { out, err } = await place.run("bash", ["--norc", "-c", press, "bash", line]);
        assertEquals(out, found.map((one) => `${one}\n`).join(""));
        assertEquals(err, "complete -o default -F _psbase psbase\n");
      });
    }
  },
});

Deno.test({
  name: `completions fish completes in fish${absent("fish")}`,
  ignore: absent("fish") !== "",
  async fn(t) {
    using place = await completing("fish");
    for (const [line, found] of LINES) {
      await t.step(line, async () => {
        const script = "source ./script; complete -C $argv[1]";
        const { out, err } = await place.run("fish", ["--no-config", "-c", script, line]);
        assertEquals([err, out.replace(/\t.*/g, "")], [
          "",
          found.map((one) => `${one}\n`).join(""),
        ]);
      });
    }
  },
});

Deno.test({
  name: `completions zsh completes in zsh${absent("zsh")}`,
  ignore: absent("zsh") !== "",
  async fn() {
    using place = await completing("zsh");
    // A shell on its own terminal, where lines are typed; ^X prints the completed line.
    const press = `zmodload zsh/zpty
      zpty shell zsh -f -i
      zpty -w shell 'unsetopt beep; PS1="> "; autoload -U compinit; compinit -u -D'
      zpty -w shell 'source ./script; show() { print -r -- "<$BUFFER>" }; zle -N show'
      zpty -w shell 'bindkey "^X" show; print rea""dy'
      zpty -r -m shell out '*ready*'
      for line in "$@"; do
        zpty -w -n shell $'\\x15'"$line"$'\\t\\x18'
        zpty -r -m shell out '*<psbase*>*'
        print -r -- "$out"
      done
      zpty -d shell`;
    const lines = LINES.map(([line]) => line);
    const { out, err } = await place.run("zsh", ["-f", "-c", press, "zsh", ...lines]);
    assertEquals(err, "");
    // It puts a space after a complete word.
    const became = Array.from(out.matchAll(/<(psbase.*)>/g), ([, line]) => line!.trimEnd());
    const begun = (line: string) => line.slice(0, line.lastIndexOf(" ") + 1);
    assertEquals(became, LINES.map(([line, [found]]) => begun(line) + found));
  },
});
