/**
 * What the figures were measured on.
 *
 * @module
 */

import { cpus, totalmem } from "node:os";
import { DatabaseSync } from "node:sqlite";
import { median } from "./measure.ts";

/** The machine, the versions, and what its disk takes. */
export interface Machine {
  readonly cpu: string;
  readonly memory: string;
  readonly system: string;
  readonly fileSystem: string;
  readonly deno: string;
  readonly v8: string;
  readonly sqlite: string;
  /** 200 bytes appended to a file and `fdatasync`: what a durable commit cannot do without. */
  readonly syncMs: number;
}

/** Looks at the machine, and at the disk that `dir` is on. */
export function describeMachine(dir: string): Machine {
  const [first, ...more] = cpus();
  const uname = new Deno.Command("uname", { args: ["-sr"] });
  const df = new Deno.Command("df", { args: ["--output=fstype", dir] });
  using db = new DatabaseSync(":memory:");
  const { version } = db.prepare("SELECT sqlite_version() AS version").get()!;
  return {
    cpu: `${more.length + 1} × ${first?.model ?? "?"}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: line(uname) ?? Deno.build.os,
    fileSystem: line(df) ?? "?",
    deno: Deno.version.deno,
    v8: Deno.version.v8,
    sqlite: String(version),
    syncMs: syncTime(`${dir}/sync`),
  };
}

/** The last line that a command prints, if it is there. */
function line(command: Deno.Command): string | undefined {
  try {
    return new TextDecoder().decode(command.outputSync().stdout).trim().split("\n").at(-1);
  } catch {
    return undefined;
  }
}

function syncTime(path: string): number {
  using file = Deno.openSync(path, { create: true, write: true });
  // Grown ahead, as the log of psbase and the WAL of SQLite are: what is synced is data only.
  file.writeSync(new Uint8Array(1 << 20));
  file.syncSync();
  file.seekSync(0, Deno.SeekMode.Start);
  const times = Array.from({ length: 200 }, () => {
    const start = performance.now();
    file.writeSync(new Uint8Array(200));
    file.syncDataSync();
    return performance.now() - start;
  });
  Deno.removeSync(path);
  return median(times);
}
