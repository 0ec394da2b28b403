/**
 * A copy that follows a table: it reads the rows first, then the changes. It stops, and later
 * continues after its last change, though the table was cleaned up meanwhile.
 *
 * ```text
 * copied: homer, marge
 * insert: homer, marge, bart
 * delete: homer, bart
 * update: homer jay, bart
 * insert: homer jay, bart, lisa
 * ```
 *
 * @module
 */
// deno-lint-ignore-file no-console
import { PsBase } from "@psbase/psbase";

const people = await PsBase.open(`${await Deno.makeTempDir()}/people`, {
  name: { type: "string", required: true },
});
// A watcher that comes back later finds the last thousand commits.
await people.keepChanges(1000);
await people.insertMany([{ name: "homer" }, { name: "marge" }]);

// Both belong to one commit. `watch` yields what is committed after it.
const [rows, sequence] = people.snapshot((view) => [view.select(), view.sequence]);
const copy = {
  since: sequence as number | { sequence: number; index: number },
  names: new Map(rows.map((row) => [row.__id__, row.name])),
};
const tell = (what: string) => console.log(`${what}: ${[...copy.names.values()].join(", ")}`);
tell("copied");

/** Applies a number of changes. A real program would go on forever. */
async function follow(changes: number): Promise<void> {
  for await (const change of people.watch({ since: copy.since })) {
    const { sequence, index, last, kind, id, row } = change;
    // A change of the fields has no row.
    if (kind === "schema") continue;
    if (kind === "delete") copy.names.delete(id);
    else copy.names.set(id, row.name);
    // After the last change of a commit, its number alone is enough: the commit need not be kept.
    copy.since = last ? sequence : { sequence, index };
    tell(kind);
    if (--changes === 0) return;
  }
}

const following = follow(2);
await people.insert({ name: "bart" });
await people.delete(1);
await following;

await people.update(0, { name: "homer jay" });
await people.cleanup();
await people.insert({ name: "lisa" });
await follow(2);
await people.destroy();
