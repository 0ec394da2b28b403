/**
 * What `examples/storm/child.ts` does, with SQLite.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";
import type { Job, Round } from "../../examples/storm/child.ts";

const encoder = new TextEncoder();
const tell = (line: string) => Deno.stdout.writeSync(encoder.encode(line + "\n"));

const { dir, process, airport, victims }: Job = JSON.parse(Deno.args[0]!);
tell("ready");
Deno.stdin.readSync(new Uint8Array(1));
const db = new DatabaseSync(dir);
db.exec("PRAGMA busy_timeout = 60000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
const select = db.prepare("SELECT * FROM strikes WHERE airport = ?");
const insert = db.prepare("INSERT INTO strikes (airport, date, operator, speed) VALUES (?,?,?,?)");
const remove = db.prepare("DELETE FROM strikes WHERE id = ?");
victims.forEach((victim, round) => {
  const start = performance.now();
  let done: Pick<Round, "id" | "deleted" | "error"> = {};
  try {
    select.all(airport);
    const { lastInsertRowid } = insert.run(airport, "2002-07-26", `STORM ${process}`, round);
    const deleted = remove.run(victim).changes === 1;
    done = { id: Number(lastInsertRowid), deleted };
  } catch (error) {
    done = { error: String(error) };
  }
  tell(JSON.stringify({ round, ms: performance.now() - start, ...done }));
});
db.close();
