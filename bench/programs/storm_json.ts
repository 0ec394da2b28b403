import { JsonFile } from "../stores/json_file.ts";
import { plain } from "../stores/store.ts";
import { storm } from "./storm.ts";

await storm(({ dir }) => {
  const file = new JsonFile(dir);
  return {
    search: (airport) =>
      Array.from(
        file.rows.values().filter((row) => row.airport === airport),
        (row) => ({ ...row }),
      ),
    insert: (strike) =>
      file.change((rows, nextId) => {
        const id = nextId();
        rows.set(id, { ...strike, date: plain(strike.date) });
        return id;
      }),
    remove: (id) => file.change((rows) => rows.delete(id)),
    close: () => file.close(),
  };
});
