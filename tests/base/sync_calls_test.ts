/**
 * What each verb asks of the disk, as the kernel sees it: system calls counted by strace.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { fixture } from "../helpers/programs.ts";
import { whyNoStrace } from "../helpers/strace.ts";
import { tempBase } from "../helpers/temp_base.ts";

const PROGRAM = fixture("do_and_mark");
/** All calls that write what the kernel has in memory; and the one that marks a step. */
const CALLS = "trace=fsync,fdatasync,sync,syncfs,sync_file_range,msync,chdir";

function strace(to: string, command: string[]): Deno.CommandOutput {
  const args = ["-f", "-y", "-e", CALLS, "-o", to, ...command];
  return new Deno.Command("strace", { args, stdout: "null", stderr: "piped" }).outputSync();
}

/** The syncs of each step, each as call and name of the file, without its nonce. */
function syncsByStep(trace: string): Record<string, string[]> {
  const steps: Record<string, string[]> = {};
  let syncs: string[] = [];
  for (const line of trace.split("\n")) {
    const step = /chdir\("([^"]+)"/.exec(line);
    if (step !== null) {
      steps[step[1]!] = syncs = [];
      continue;
    }
    // A call that another thread comes between goes on in a line "<... fsync resumed>".
    const sync = /^\d+ +(\w+)\((?:\d+<[^>]*\/([^>\/]+)>)?/.exec(line);
    if (sync !== null) syncs.push(`${sync[1]} ${sync[2]}`.replace(/\.[0-9a-f]{16}$/, ""));
  }
  return steps;
}

const LOG = "fdatasync 000001.log";
/** What each step syncs; a number stands for so many syncs of the log. */
const EXPECTED: Record<string, number | string[]> = {
  "create": [
    "fsync people",
    "fdatasync 000001.table",
    "fdatasync 000001.log",
    "fsync people",
    "fdatasync base",
    "fsync people",
    "fsync parent",
  ],
  "first insert of a handle": 1,
  "10 insert": 10,
  "10 insertSync": 10,
  "1,000 insert at once": 1,
  "insertMany of 1,000": 1,
  "insertManySync of 1,000": 1,
  "10 update": 10,
  "10 updateSync": 10,
  "updateWhere": 1,
  "10 delete": 10,
  "10 deleteSync": 10,
  "delete of what is gone": 0,
  "transaction of 10": 1,
  "transactionSync of 10": 1,
  "transaction that throws": 0,
  "transaction that reads": 0,
  "commit of nothing": 0,
  "commitSync of nothing": 0,
  "read": 0,
  "close": 0,
  "open, read, close": 0,
  "openSync readOnly, read, close": 0,
  "relaxed: 10 of each verb": 0,
  "relaxed: commit": 1,
  "relaxed: commit again": 0,
  "relaxed: commitSync": 1,
  "relaxed: close": 0,
  "cleanup": [
    "fdatasync 000002.table",
    "fdatasync 000002.log",
    "fsync people",
    "fdatasync 000001.log",
  ],
  "end": 0,
};

const why = whyNoStrace();
for (const name of ["Base", "PsBase"]) {
  Deno.test({
    name: `${name} syncs what each verb promises, and no more, by system calls${why && `: ${why}`}`,
    ignore: why !== "",
    async fn() {
      await using temp = tempBase();
      const trace = `${temp.parent}/trace`;
      // Deno syncs its cache of compiled code, too, if it has one.
      const run = [Deno.execPath(), "run", "-A", "--quiet", "--no-code-cache"];
      const command = [...run, PROGRAM, name, temp.path];
      const { success, stderr } = strace(trace, command);
      assert(success, new TextDecoder().decode(stderr));
      const steps = syncsByStep(Deno.readTextFileSync(trace));
      const { "50 times 20 insert": crowd = [], ...others } = steps;
      const expected = Object.entries(EXPECTED).map(([step, syncs]) => [
        step,
        typeof syncs === "number"
          ? Array(syncs).fill(LOG)
          : syncs.map((sync) => sync.replace("parent", temp.parent.split("/").at(-1)!)),
      ]);
      assertEquals(others, Object.fromEntries(expected));
      // Each of the fifty waits for its own, twenty times; some may miss the sync of the others.
      assert(crowd.length >= 20 && crowd.length <= 100, `${crowd.length} syncs for 1,000 commits`);
      assertEquals(new Set(crowd), new Set([LOG]));
    },
  });
}
