/**
 * Every small workload, stopped after every operation by a kill or a power cut.
 *
 * @module
 */

import { assert } from "@std/assert";
import { explore, LONG, newDisk, SEED, type VerbName, VERBS } from "../helpers/crash_run.ts";
import { Disk } from "../helpers/crash_file.ts";

const DATA: VerbName[] = ["insert", "insertMany", "update", "delete", "addField", "cleanup"];

function after(...names: VerbName[]): Disk {
  const disk = newDisk();
  for (const name of names) VERBS[name](disk.process());
  return disk;
}

/** Disks to begin with. */
const SETUPS: Record<string, () => Disk> = {
  "a new table": () => newDisk(),
  "an old table": () => after("insertMany", "insert", "cleanup", "update", "insert"),
};

function workloads(): VerbName[][] {
  const single = Object.keys(VERBS).map((name) => [name as VerbName]);
  const pairs = DATA.flatMap((a) => DATA.map((b) => [a, b]));
  const triples = pairs.flatMap((pair) => DATA.map((c) => [...pair, c]));
  const replaced: VerbName[][] = [
    ["insert", "override", "insert"],
    ["cleanup", "override", "cleanup"],
    ["insert", "destroy", "create"],
  ];
  return [...single, ...pairs, ...replaced, ...(LONG ? triples : [])];
}

for (const [where, setup] of Object.entries(SETUPS)) {
  Deno.test(`PsBase keeps every acknowledged commit of ${where} when it is stopped anywhere`, () => {
    const depth = LONG ? { samples: 6, again: 0.1 } : { samples: 2, again: 0.01 };
    for (const [i, names] of workloads().entries()) explore(setup(), names, SEED + i, depth);
  });
}

Deno.test("PsBase.create() stopped anywhere leaves nothing or a base, and can be done again", () => {
  const depth = { samples: LONG ? 20 : 6, again: 0.2 };
  assert(explore(new Disk(), ["create", "insert"], SEED, depth) > 100);
});
