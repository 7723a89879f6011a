// Writes what is made of knowledge/*.yaml: domain/knowledge/shipped.json, which the code reads, and
// docs/knowledge.schema.json. `npm run build`, this file with node, then `npm run format`.
// test/activities/knowledge/shipped.test.ts fails while they are not current.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { knowledgeJsonSchema } from '../../dist/activities/knowledge/knowledge-schema.js';
import { readShippedKnowledge } from '../../dist/activities/knowledge/read-knowledge.js';

const at = (path) => new URL(`../../${path}`, import.meta.url);
const write = (path, value) => writeFileSync(at(path), `${JSON.stringify(value, null, 2)}\n`);

const names = readdirSync(at('knowledge')).filter((name) => name.endsWith('.yaml'));
const read = readShippedKnowledge(
  names.map((name) => ({
    name: `knowledge/${name}`,
    text: readFileSync(at(`knowledge/${name}`), 'utf8'),
  })),
);
if (read.kind === 'invalid') {
  console.error(read.problems.join('\n'));
  process.exit(1);
}
write('domain/knowledge/shipped.json', read.files);
write('docs/knowledge.schema.json', knowledgeJsonSchema());
