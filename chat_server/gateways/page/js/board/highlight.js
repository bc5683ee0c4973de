// Colours code: comments, strings, numbers and the usual keywords. It knows no language's grammar:
// where one begins a comment, and that is all. So it is small, and cannot take long.

import { h } from "../dom.js";

const FAMILIES = [
  // What begins a comment, and which languages have it.
  ["#.*", "python py python3 sh bash shell zsh ruby rb perl pl r yaml yml toml make makefile dockerfile elixir nim"],
  [
    "\\/\\/.*|\\/\\*[\\s\\S]*?(?:\\*\\/|$(?![\\s\\S]))",
    "c h c++ cpp cc hpp java javascript js typescript ts jsx tsx go rust rs swift kotlin kt scala cs c# csharp php dart zig css scss json",
  ],
  ["--.*", "sql lua haskell hs ada vhdl"],
];

const KEYWORDS = new Set(
  (
    "abstract and as assert async await bool boolean break case catch char class const continue def default defer del do " +
    "double elif else end enum except export extends extern false False final finally float fn for from func function go " +
    "goto if impl implements import in int interface is lambda let local long loop match mod mut namespace new nil None " +
    "nonlocal not null or override package pass private protected pub public raise return self short signed sizeof static " +
    "std string struct super switch template then this throw throws trait true True try type typedef typeof union unsafe " +
    "unsigned until use using var virtual void where while with yield " +
    "SELECT FROM WHERE INSERT INTO VALUES UPDATE SET DELETE CREATE TABLE JOIN ON ORDER BY GROUP AND OR NOT NULL select where insert into values update set delete create table join on order by group"
  ).split(" "),
);

const REST =
  "(?<string>\"{3}[\\s\\S]*?(?:\"{3}|$(?![\\s\\S]))|\"(?:[^\"\\\\\\n]|\\\\.)*\"?|'(?:[^'\\\\\\n]|\\\\.)*'?)" +
  "|(?<number>\\b\\d[\\w.]*)|(?<word>[A-Za-z_]\\w*)";

const patterns = new Map();
for (const [comment, languages] of FAMILIES) {
  for (const language of languages.split(" ")) patterns.set(language, `(?<comment>${comment})|${REST}`);
}

/** Return code as nodes: text, and spans of the classes `comment`, `string`, `number`, `keyword`. */
export function highlighted(code, language) {
  const pattern = patterns.get(language.toLowerCase());
  if (!pattern) return [code];
  const nodes = [];
  let end = 0;
  for (const found of code.matchAll(new RegExp(pattern, "g"))) {
    const { word } = found.groups;
    const kind = word ? (KEYWORDS.has(word) ? "keyword" : null) : ["comment", "string", "number"].find((each) => found.groups[each]);
    if (!kind) continue;
    nodes.push(code.slice(end, found.index), h(`span.${kind}`, {}, found[0]));
    end = found.index + found[0].length;
  }
  nodes.push(code.slice(end));
  return nodes;
}
