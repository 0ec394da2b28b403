/**
 * Links that transactions store, on a disk whose power is cut.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { link, PsBase } from "../../mod.ts";
import { Disk, OLDEST } from "../helpers/crash_file.ts";
import { withFiles } from "../../engine/system/deno_file.ts";

for (const verb of ["insert", "insertMany", "insertAsStrings"] as const) {
  Deno.test(`Transaction.${verb}() leads to nothing that a power cut takes`, () => {
    const disk = new Disk();
    const houses = withFiles(
      disk.process(),
      () => PsBase.createSync("/houses", { name: "string" }, { durability: "relaxed" }),
    );
    const people = withFiles(
      disk.process(),
      () => PsBase.createSync("/people", { house: link(houses) }),
    );
    houses.insertSync({ name: "evergreen" });
    people.transactionSync((tx) => {
      if (verb === "insert") tx.insert({ house: 0 });
      else if (verb === "insertMany") tx.insertMany([{ house: 0 }]);
      else tx.insertAsStrings({ house: "0" });
    });
    const after = withFiles(disk.cut(OLDEST).process(), () => PsBase.openSync("/people"));
    assertEquals((after.get(0) as { house?: { name: string } }).house?.name, "evergreen");
  });
}
