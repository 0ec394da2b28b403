import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { main } from "../cli.ts";
import { BaseNotFoundError, PsBase } from "../mod.ts";
import { done, psbase } from "./helpers/cli.ts";
import { tempBase } from "./helpers/temp_base.ts";

/** Five rows with nulls and empty text in them. */
async function people(path: string): Promise<void> {
  await done(["create", path, "name:string:required", "age:integer", "born:date", "team:string=a"]);
  const rows = [
    ["name=homer", "age=39", "born=1956-05-12"],
    ["name=bart", "age=10", "team=b"],
    ["name=lisa", "age=8", 'team=""'],
    ["name=abe", "age=", "team="],
    ["name=ned, esq.", "age=60", "born=1940-01-01"],
  ];
  for (const row of rows) await done(["insert", path, ...row]);
}

Deno.test("create, insert, get, select and count do what they say", async () => {
  await using base = tempBase();
  assertEquals(await done(["create", base.path, "name:string:required", "age:integer=5"]), "");
  assertEquals(await done(["insert", base.path, "name=homer", "age=39"]), "0\n");
  assertEquals(await done(["insert", base.path, "name=bart"]), "1\n");
  assertEquals(await done(["get", base.path, "1"]), '{"__id__":1,"name":"bart","age":5}\n');
  assertEquals(
    await done(["select", base.path, "--sort", "-age", "--fields", "age,__version__", "--csv"]),
    "age,__version__\n39,0\n5,0\n",
  );
  assertEquals(
    await done(["select", base.path, "--limit", "1", "--offset", "1", "--json"]),
    [
      "[",
      '{"__id__":1,"name":"bart","age":5}',
      "]\n",
    ].join("\n"),
  );
  assertEquals(await done(["count", base.path]), "2\n");
});

Deno.test("conditions find the rows that match", async (t) => {
  await using base = tempBase();
  await people(base.path);
  const cases: [conditions: string[], ids: number[]][] = [
    [[], [0, 1, 2, 3, 4]],
    [["age=39"], [0]],
    [["age=8,10,"], [1, 2, 3]],
    [["age="], [3]],
    [["age=null"], [3]],
    [["age!=null"], [0, 1, 2, 4]],
    [["age=null,8"], [2, 3]],
    [['name="null"'], []],
    [["age=8..39"], [0, 1, 2]],
    [["age=..10"], [1, 2]],
    [["age=39.."], [0, 4]],
    [["age!=39"], [1, 2, 3, 4]],
    [["age!="], [0, 1, 2, 4]],
    [["age!=39", "age!=", "age!=60"], [1, 2]],
    [["age<10"], [2]],
    [["age<=10"], [1, 2]],
    [["age>39"], [4]],
    [["age>=39"], [0, 4]],
    [["age>8", "age<60"], [0, 1]],
    [["born>1950-01-01"], [0]],
    [["born=1939-12-31..1940-01-01"], [4]],
    [["team="], [3]],
    [['team=""'], [2]],
    [['team="",b'], [1, 2]],
    [["team=a..b"], [0, 1, 4]],
    [['name="ned, esq."'], [4]],
    [["name~^[a-h]"], [0, 1, 3]],
    [["name~,", "age>1"], [4]],
    [["name~a", "name!=lisa", "name!=bart"], [3]],
    [["name~(?i:^HO)"], [0]],
    [["name~d, e"], [4]],
    [['name~"'], []],
    [["team~"], [0, 1, 2, 4]],
    [["name=homer", "age=10"], []],
    [["__id__>2"], [3, 4]],
    [["__id__=0,4", "__version__=0"], [0, 4]],
  ];
  for (const [conditions, ids] of cases) {
    await t.step(conditions.join(" "), async () => {
      const out = await done(["select", base.path, ...conditions, "--fields", "__id__", "--csv"]);
      assertEquals(out, ["__id__", ...ids].join("\n") + "\n");
      assertEquals(await done(["count", base.path, ...conditions]), `${ids.length}\n`);
    });
  }
});

Deno.test("update and delete change what matches, in one commit, and print how many", async () => {
  await using base = tempBase();
  await people(base.path);
  const sequence = async () => JSON.parse(await done(["info", base.path])).sequence;
  const before = await sequence();
  const set = ["--set", "team=c", "age="];
  assertEquals(await done(["update", base.path, "age>=10", ...set]), "3\n");
  assertEquals(await sequence(), before + 1);
  assertEquals(await done(["count", base.path, "team=c", "age="]), "3\n");
  assertEquals(await done(["delete", base.path, "team=c"]), "3\n");
  assertEquals(await sequence(), before + 2);
  assertEquals(await done(["update", base.path, "age=77", "--set", "age=1"]), "0\n");
  assertEquals(await done(["update", base.path, "--all", "--set", "age=-1"]), "2\n");
  assertEquals(await done(["delete", base.path, "--all"]), "2\n");
  assertEquals(await done(["count", base.path]), "0\n");
});

Deno.test("add-field, drop-field and set-default change the schema", async () => {
  await using base = tempBase();
  await people(base.path);
  await done(["add-field", base.path, "nick:string=x, y", "--after", "name"]);
  await done(["drop-field", base.path, "born"]);
  await done(["set-default", base.path, "age", "-7"]);
  await done(["set-default", base.path, "team", '""']);
  await done(["insert", base.path, "name=new"]);
  assertEquals(
    await done(["get", base.path, "5"]),
    '{"__id__":5,"name":"new","nick":"x, y","age":-7,"team":""}\n',
  );
  await done(["set-default", base.path, "age", ""]);
  await using open = await PsBase.open(base.path);
  assertEquals(open.defaults, { name: null, nick: "x, y", age: null, team: "" });
});

Deno.test("info prints fields and figures", async () => {
  await using base = tempBase();
  await people(base.path);
  const { fields, rows, path } = JSON.parse(await done(["info", base.path, "--json"]));
  assertEquals([rows, path], [5, base.path]);
  const options = { required: false, unique: false, index: false };
  const [name, , , team] = fields;
  assertEquals(name, { name: "name", type: "string", ...options, required: true, default: null });
  assertEquals(team, { name: "team", type: "string", ...options, default: "a" });
  const table = await done(["info", base.path], { terminal: 80 });
  assertMatch(table, /^rows +5$/m);
  assertMatch(table, /^name +string +required$/m);
  assertMatch(table, /^team +string +"a"$/m);
});

Deno.test("info prints a default of every type", async () => {
  await using base = tempBase();
  await done(["create", base.path, "b:bigint=0", "f:float=NaN", "n:integer=0"]);
  const { fields } = JSON.parse(await done(["info", base.path, "--json"]));
  assertEquals(fields.map((field: { default: unknown }) => field.default), [0, "NaN", 0]);
});

Deno.test("backup copies a table, and refuses a place that is taken", async () => {
  await using base = tempBase();
  await people(base.path);
  const to = `${base.parent}/copy`;
  assertEquals(await done(["backup", base.path, to]), "");
  assertEquals(await done(["export", to, "--ids"]), await done(["export", base.path, "--ids"]));
  const { code, err } = await psbase(["backup", base.path, to]);
  assertEquals(code, 1);
  assertStringIncludes(err, "there is a base already");
});

Deno.test("rename-field gives a field another name", async () => {
  await using base = tempBase();
  await people(base.path);
  await done(["rename-field", base.path, "name", "called"]);
  assertEquals(await done(["count", base.path, "called=homer"]), "1\n");
});

Deno.test("create takes unique and indexed fields, and links to other tables", async () => {
  await using houses = tempBase();
  await using base = tempBase();
  await done(["create", houses.path, "street:string"]);
  await done(["insert", houses.path, "street=Evergreen Terrace"]);
  const fields = ["email:string:unique:required", "age:integer:index"];
  fields.push(`home:link:index=${houses.path}`, "boss:link=self");
  await done(["create", base.path, ...fields]);
  await done(["insert", base.path, "email=h@x", "home=0"]);
  assertEquals(
    JSON.parse(await done(["get", base.path, "0"])),
    { __id__: 0, email: "h@x", age: null, home: 0, boss: null },
  );
  assertEquals(await done(["count", base.path, "home=0"]), "1\n");
  const info = await done(["info", base.path], { terminal: 80 });
  assertMatch(info, /^email +string +required unique$/m);
  assertMatch(info, /^home +link=.* +index$/m);
  const refusals = [
    [["insert", base.path, "email=h@x"], 'row 0 has "h@x" already'],
    [["insert", base.path, "email=b@x", "home=7"], "there is no row 7"],
    [["create", `${base.path}x`, "home:link=/no/base"], "it does not exist"],
  ] as const;
  for (const [args, told] of refusals) {
    const { code, err } = await psbase(args);
    assertEquals(code, 1);
    assertStringIncludes(err, told);
  }
});

Deno.test("cleanup and destroy leave a clean table and none", async () => {
  await using base = tempBase();
  await people(base.path);
  const before = await done(["select", base.path]);
  await done(["delete", base.path, "name=abe"]);
  await done(["cleanup", base.path]);
  assertEquals(JSON.parse(await done(["info", base.path])).generation, 2);
  assertEquals(await done(["select", base.path]), before.replace(/^.*abe.*\n/m, ""));
  assertEquals((await psbase(["destroy", base.path])).code, 2);
  assertEquals(await done(["count", base.path]), "4\n");
  await done(["destroy", base.path, "--yes"]);
  assertEquals([...Deno.readDirSync(base.parent)], []);
});

Deno.test("check lists what is damaged, and others refuse it in words", async () => {
  await using base = tempBase();
  const logBytes = async () => JSON.parse(await done(["info", base.path])).logBytes;
  await done(["create", base.path, "name:string"]);
  const begin = await logBytes();
  await done(["insert", base.path, "name=homer"]);
  const at = Math.floor((begin + await logBytes()) / 2);
  await done(["insert", base.path, "name=bart"]);
  const whole = await psbase(["check", base.path]);
  assertEquals(whole, { code: 0, out: "", err: "2 rows, no problem\n" });
  assertEquals(await done(["check", base.path, "--json"]), "[]\n");

  base.damaged = true;
  const log = `${base.path}/000001.log`;
  const bytes = Deno.readFileSync(log);
  bytes[at]! ^= 1;
  Deno.writeFileSync(log, bytes);

  const { code, out, err } = await psbase(["check", base.path]);
  assertEquals(code, 1);
  const { file, offset, reason } = JSON.parse(out);
  assertEquals(file, log);
  assert(offset > 0 && offset <= at, `${offset} is not before ${at}`);
  assert(reason.length > 0);
  assertEquals(err, "1 problem, restore it from a backup or try --salvage\n");
  const refused = await psbase(["select", base.path]);
  assertEquals([refused.code, refused.out], [1, ""]);
  assertMatch(refused.err, /^psbase select: Cannot read ".*000001\.log": .*\n$/);
});

Deno.test("check --salvage makes a new table of what is intact, and lists what was lost", async () => {
  await using base = tempBase();
  const to = (name: string) => `${base.parent}/${name}`;
  await people(base.path);
  await done(["cleanup", base.path]);
  await done(["insert", base.path, "name=maggie"]);
  const whole = await psbase(["check", base.path, "--salvage", to("whole")]);
  assertEquals(whole, { code: 0, out: "", err: "6 rows salvaged, nothing lost\n" });
  assertEquals(await done(["select", to("whole")]), await done(["select", base.path]));

  base.damaged = true;
  const table = `${base.path}/000002.table`;
  const bytes = Deno.readFileSync(table);
  bytes[41]! ^= 1;
  Deno.writeFileSync(table, bytes);
  const { code, out, err } = await psbase(["check", base.path, "--salvage", to("left")]);
  assertEquals([code, err], [1, "1 row salvaged, what is listed was lost\n"]);
  const lost = { file: table, offset: 40, reason: "a page does not verify", ids: "0-4" };
  assertEquals(JSON.parse(out), lost);
  assertEquals(JSON.parse(await done(["select", to("left")])).name, "maggie");
  const shown = await psbase(["check", base.path, "--salvage", to("shown")], { terminal: 200 });
  assertMatch(shown.out, /^file +offset +reason +ids\n.*\n.* 40 +a page does not verify +0-4\n$/);

  const taken = await psbase(["check", base.path, "--salvage", to("left")]);
  assertEquals([taken.code, taken.out], [1, ""]);
  assertMatch(taken.err, /^psbase check: Cannot salvage .*: there is a base already, choose/);
  assertEquals((await psbase(["check", base.path, "--salvage"])).code, 2);
  assertMatch(await done(["help", "check"]), /--salvage TO +write what is intact to a new table/);
});

Deno.test("a torn tail is told on stderr, by readers and by the writer that removes it", async () => {
  await using base = tempBase();
  {
    await using table = await PsBase.create(base.path, { n: "integer" }, { durability: "relaxed" });
    await table.insert({ n: 1 });
    const { logBytes } = table.stats();
    await table.insert({ n: 2 });
    const end = table.stats().logBytes;
    using log = Deno.openSync(`${base.path}/000001.log`, { write: true });
    log.seekSync(logBytes + 20, Deno.SeekMode.Start);
    log.writeSync(new Uint8Array(end - logBytes - 20));
  }
  const read = await psbase(["count", base.path]);
  assertEquals([read.code, read.out], [0, "1\n"]);
  assertMatch(read.err, /000001\.log: \d+ bytes at \d+ are of a write that was cut off/);
  const checked = await psbase(["check", base.path]);
  assertEquals(checked.code, 0);
  assertMatch(checked.err, / bytes at .*\n1 row, no problem\n$/);
  const written = await psbase(["insert", base.path, "n=3"]);
  assertEquals([written.code, written.out], [0, "1\n"]);
  assertMatch(written.err, / bytes at /);
  assertEquals((await psbase(["count", base.path])).err, "");
});

Deno.test("a wrong command line is exit code 2, says what is wrong, and changes nothing", async (t) => {
  await using base = tempBase();
  await people(base.path);
  const before = base.files();
  const cases: [args: string[], told: string][] = [
    [["nix"], 'no command "nix"'],
    [["constructor"], 'no command "constructor"'],
    [["create"], "PATH is missing"],
    [["create", "x"], "one field at least"],
    [["create", "x", "name"], "not of the form field:type"],
    [["create", "x", "a:strin"], 'unknown type "strin"'],
    [["create", "x", "a:constructor"], 'unknown type "constructor"'],
    [["create", "x", "a:string:requird"], 'unknown option "requird"'],
    [["create", "x", "a:string", "a:integer"], 'field "a" is given twice'],
    [["insert", base.path, "name"], "not of the form field=value"],
    [["insert", base.path, "name=a", "name=b"], "given twice"],
    [["insert", base.path, 'name="a'], "quoted as in CSV"],
    [["insert", base.path, "name=a", "--upsert"], "unknown option --upsert"],
    [["get", base.path], "ID is missing"],
    [["get", base.path, "x"], '"x" is no id'],
    [["get", base.path, "1", "2"], "one word too many"],
    [["select", base.path, "--json", "--csv"], "exclude each other"],
    [["select", base.path, "--limit", "-1"], 'option --limit is "-1"'],
    [["select", base.path, "--sort"], "option --sort needs a value"],
    [["select", base.path, "--sort", "--json"], "option --sort needs a value"],
    [["select", base.path, "-x"], "unknown option -x"],
    [["select", base.path, "--json.a"], "unknown option --json.a"],
    [["count", base.path, "--json"], "unknown option --json"],
    [["select", base.path, "age"], "is no condition"],
    [["select", base.path, "=3"], "is no condition"],
    [["select", base.path, "age=1..2..3"], "a range has two ends"],
    [["select", base.path, "age=.."], "one end at least"],
    [["select", base.path, "age=1,2..3"], 'quote ".."'],
    [["select", base.path, "age!=1,2"], 'quote ","'],
    [["select", base.path, "age<"], "neither more nor less"],
    [["select", base.path, 'name="a"b'], "quoted as in CSV"],
    [["select", base.path, "age=1", "age=2"], "has this condition already"],
    [["select", base.path, "name~("], "Invalid regular expression"],
    [["select", base.path, "name~a", "name~b"], "has this condition already"],
    [["update", base.path, "--set", "age=1"], "say --all"],
    [["update", base.path, "age=1"], "--set FIELD=VALUE"],
    [["update", base.path, "age=1", "--set"], "--set FIELD=VALUE"],
    [["delete", base.path], "say --all"],
    [["set-default", base.path, "age"], "VALUE is missing"],
    [["import", base.path, "x.txt"], "say one of --json, --ndjson, --csv, --tsv"],
    [["export", base.path, "x.txt"], "say one of --json, --ndjson, --csv, --tsv"],
    [["import", base.path, "x.csv.gz"], '"x.csv.gz" is a compressed file'],
    [["export", base.path, "x.json.zst"], '"x.json.zst" is a compressed file'],
    [["watch", base.path, "--since", "x"], 'option --since is "x"'],
    [["set-type", base.path, "name"], "TYPE is missing"],
    [["set-type", base.path, "name", "integr"], 'unknown type "integr", did you mean'],
    [["set-index", base.path, "name"], "unique|index|none is missing"],
    [["set-index", base.path, "name", "uniq"], 'there is no index "uniq"'],
    [["watch", base.path, "--since", "1:"], 'option --since: I is "", expected a count'],
    [["watch", base.path, "--since", ":1"], 'option --since: N is "", expected a count'],
    [["watch", base.path, "--since", "1:-1"], 'option --since: I is "-1"'],
    [["watch", base.path, "--since", "1:1:1"], 'option --since: I is "1:1"'],
    [["watch", base.path, "age"], "is no condition"],
    [["keep-changes", base.path, "x"], 'N is "x", expected a count'],
    [["keep-changes", base.path, "1".repeat(20)], "expected a count"],
    [["keep-changes", base.path], "N is missing"],
    [["lock", "x"], "-- CMD"],
    [["lock", "x", "true"], "one word too many"],
    [["destroy", base.path], "say --yes"],
    [["help", "nix"], 'no command "nix"'],
  ];
  for (const [args, told] of cases) {
    await t.step(args.map((arg) => arg === base.path ? "PATH" : arg).join(" "), async () => {
      const { code, out, err } = await psbase(args);
      assertEquals([code, out], [2, ""], err);
      assertStringIncludes(err, told);
      assertMatch(err, /\nSee: psbase help.*\n$/);
    });
  }
  assertEquals(base.files(), before);
});

Deno.test("a refusal is exit code 1, one line without a stack, and changes nothing", async (t) => {
  await using base = tempBase();
  await people(base.path);
  const before = await done(["export", base.path, "--ids"]);
  const cases: [args: string[], told: string][] = [
    [["create", base.path, "a:string"], "there is a base already, destroy it first, or choose"],
    [["create", `${base.parent}/new`, "a b:string"], 'field "a b"'],
    [["create", `${base.parent}/new`, "_a:string"], "reserved"],
    [["create", `${base.parent}/new`, "__proto__:string"], "reserved"],
    [["create", `${base.parent}/new`, "a:integer=x"], 'field "a": "x" is not an integer'],
    [["create", `${base.parent}/new`, "a:integer:required="], "cannot be null"],
    [["create", `${base.parent}/no/new`, "a:string"], "make it first"],
    [["create", base.parent, "a:string"], "other files"],
    [["insert", base.path, "age=1"], 'field "name" is required'],
    [["insert", base.path, "name="], 'field "name" is required'],
    [["insert", base.path, "name=x", "age=1.5"], "is not an integer"],
    [["insert", base.path, "name=x", "age=9007199254740993"], "is not an integer"],
    [["insert", base.path, "name=x", "born=2023-02-29"], "is not a date"],
    [["insert", base.path, "nam=x"], 'there is no field "nam", did you mean "name"?'],
    [["insert", base.path, "x=x"], 'there is no field "x", the fields are name, age'],
    [["insert", base.path, "name=x", "__id__=1"], 'there is no field "__id__"'],
    [["insert", base.path, "name=x", "__proto__=1"], 'there is no field "__proto__"'],
    [["get", base.path, "5"], "it is not there"],
    [["get", base.path, "-1"], "it is not there"],
    [["get", `${base.parent}/nix`, "0"], "it does not exist"],
    [["get", base.parent, "0"], "there is no table in it"],
    [["select", base.path, "nix=3"], 'there is no field "nix"'],
    [["select", base.path, "toString=3"], 'there is no field "toString"'],
    [["select", base.path, "--fields", "nix"], 'there is no field "nix"'],
    [["select", base.path, "--sort", "-nix"], 'there is no field "nix"'],
    [["select", base.path, "age=x"], "is not an integer"],
    [["select", base.path, "age~1"], "a pattern is for text"],
    [["update", base.path, "age=8", "--set", "name="], 'field "name" is required'],
    [["update", base.path, "--all", "--set", "nix=1"], 'there is no field "nix"'],
    [["delete", base.path, "nix=1"], 'there is no field "nix"'],
    [["add-field", base.path, "age:float"], "already exists"],
    [["add-field", base.path, "x:float:required"], "give it a default"],
    [["add-field", base.path, "x:float", "--after", "nix"], 'there is no field "nix"'],
    [["drop-field", base.path, "nix"], 'there is no field "nix"'],
    [["set-default", base.path, "nix", "1"], 'there is no field "nix"'],
    [["set-default", base.path, "name", ""], "required"],
    [["set-type", base.path, "nix", "float"], 'there is no field "nix"'],
    [["set-type", base.path, "name", "integer"], "do not fit; row "],
    [["set-type", base.path, "name", "json"], 'cannot become "json"'],
    [["set-index", base.path, "nix", "index"], 'there is no field "nix"'],
    [["import", base.path, `${base.parent}/nix.csv`], "No such file"],
    [["export", base.path, `${base.parent}/no/x.csv`], "Cannot write"],
    [["watch", base.path, "--since", "99"], "since is 99, the last commit"],
    [["watch", base.path, "--since", "99:0"], "since is commit 99, the last commit"],
    [["watch", base.path, "--since", "1:99"], "since is change 99 of commit 1, which has "],
    [["watch", base.path, "nix=1"], 'there is no field "nix"'],
    [["check", `${base.parent}/nix`], "it does not exist"],
    [["lock", base.parent + "/lock", "--", "psbase-no-such-command"], "Cannot start"],
    [["lock", base.parent + "/no/lock", "--", "true"], "directory does not exist"],
  ];
  for (const [args, told] of cases) {
    await t.step(args.join(" ").replaceAll(base.parent, ""), async () => {
      const { code, out, err } = await psbase(args);
      assertEquals([code, out], [1, ""], err);
      assertStringIncludes(err, told);
      assertEquals(err.split("\n").length, 2, err);
    });
  }
  assertEquals(await done(["export", base.path, "--ids"]), before);
  assertEquals([...Deno.readDirSync(base.parent)].map(({ name }) => name).sort(), [
    "lock",
    "people",
  ]);
});

Deno.test("a fault of psbase itself shows its stack, a closed pipe nothing", async () => {
  const failing = (error: Error) => {
    let err = "";
    const quiet = { isTerminal: false, columns: NaN, colors: false };
    return main(["help"], {
      stdin: new ReadableStream(),
      stdout: {
        ...quiet,
        write() {
          throw error;
        },
      },
      stderr: { ...quiet, write: (text) => void (err += text) },
    }).then((code) => ({ code, err }));
  };
  const { code, err } = await failing(new TypeError("Cannot read properties of undefined"));
  assertEquals(code, 1);
  assertMatch(err, /please report it\nTypeError: Cannot read.*\n +at .*cli_test\.ts/);
  assertEquals(await failing(new Deno.errors.BrokenPipe("gone")), { code: 1, err: "" });
});

Deno.test("options are known wherever they stand, and words that look like options after --", async () => {
  await using base = tempBase();
  await done(["create", base.path, "name:string", "n:integer"]);
  await done(["insert", base.path, "--", "name=--json", "n=-1"]);
  assertEquals(
    await done(["select", "--csv", base.path, "name=--json"]),
    "__id__,name,n\n0,--json,-1\n",
  );
  await done(["set-default", base.path, "name", "--", "-x"]);
  await done(["update", base.path, "--all", "--set", "n=-2", "--", "name=y"]);
  await done(["insert", base.path]);
  assertEquals(
    await done(["select", base.path, "--fields", "name,n", "--csv"]),
    "name,n\ny,-2\n-x,\n",
  );
});

Deno.test("select reads a table of which it may not write a byte", async () => {
  await using base = tempBase();
  await people(base.path);
  const before = base.files();
  await done(["select", base.path]);
  await done(["get", base.path, "0"]);
  await done(["info", base.path]);
  await done(["export", base.path]);
  await done(["check", base.path]);
  assertEquals(base.files(), before);
});

Deno.test("commands on a table that was destroyed say that there is none", async () => {
  await using base = tempBase();
  await people(base.path);
  await using open = await PsBase.open(base.path);
  await done(["destroy", base.path, "--yes"]);
  assertEquals((await psbase(["count", base.path])).code, 1);
  let thrown: unknown;
  await open.insert({ name: "late" }).catch((error) => thrown = error);
  assert(thrown instanceof BaseNotFoundError);
});
