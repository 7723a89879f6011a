// Writes what is made of knowledge/: domain/knowledge/shipped*.json, which the code reads, and
// docs/knowledge.schema.json and docs/addon.schema.json. `npm run build`, this file with node, then
// `npm run format`. test/activities/knowledge/shipped*.test.ts fail while they are not current.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { addonJsonSchema } from '../../dist/activities/knowledge/addon-schema.js';
import { readAddons } from '../../dist/activities/knowledge/read-addons.js';
import { knowledgeJsonSchema } from '../../dist/activities/knowledge/knowledge-schema.js';
import { readShippedKnowledge } from '../../dist/activities/knowledge/read-knowledge.js';

const at = (path) => new URL(`../../${path}`, import.meta.url);
const write = (path, value) => writeFileSync(at(path), `${JSON.stringify(value, null, 2)}\n`);

const textsIn = (folder) =>
  readdirSync(at(folder))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => ({
      name: `${folder}/${name}`,
      text: readFileSync(at(`${folder}/${name}`), 'utf8'),
    }));
const read = readShippedKnowledge(textsIn('knowledge'));
if (read.kind === 'invalid') {
  console.error(read.problems.join('\n'));
  process.exit(1);
}
const addons = readAddons(textsIn('knowledge/addons'));
if (addons.kind === 'invalid') {
  console.error(addons.problems.join('\n'));
  process.exit(1);
}
write('domain/knowledge/shipped.json', read.files);
write('domain/knowledge/shipped-addons.json', addons.files);
write('docs/addon.schema.json', addonJsonSchema());
write('docs/knowledge.schema.json', knowledgeJsonSchema());
