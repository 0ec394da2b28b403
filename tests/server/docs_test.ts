/** `docs/server.md` shows what the server answers. */

import { assert, assertMatch } from "@std/assert";
import { PsBase } from "../../mod.ts";
import { Served } from "../helpers/served.ts";
import { expected, stepsOf } from "../helpers/transcript.ts";

Deno.test({
  name: "docs/server.md shows what curl prints",
  ignore: Deno.build.os !== "linux",
  async fn(t) {
    const dir = await Deno.makeTempDir();
    const token = "0123456789abcdef";
    await Deno.writeTextFile(`${dir}/token`, `${token}\n`);
    const email = { type: "string", unique: true } as const;
    await using people = await PsBase.open(`${dir}/people`, {
      name: "string",
      age: "integer",
      email,
    });
    await people.insert({ name: "homer", age: 39, email: "homer@example.com" });
    await people.insert({ name: "lisa", age: 8 });
    await using served = new Served({ people }, { tokens: [token] });
    const steps = stepsOf("docs/server.md");
    assert(steps.length > 5);
    for (const { command, output } of steps) {
      await t.step(command.split("\n")[0]!, async () => {
        const { stdout, stderr } = await new Deno.Command("sh", {
          args: ["-c", command.replaceAll("localhost:7262", `127.0.0.1:${served.port}`)],
          cwd: dir,
        }).output();
        const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
        assertMatch(text, expected(output));
      });
    }
  },
});
