// Writes docs/spec.schema.json from the built schema: `npm run build`, this file with node, then
// `npm run format`. test/client/spec-file.test.ts fails while the file is not current.

import { writeFileSync } from 'node:fs';
import { specJsonSchema } from '../../dist/client/spec-schema.js';

const file = new URL('../../docs/spec.schema.json', import.meta.url);
writeFileSync(file, `${JSON.stringify(specJsonSchema(), null, 2)}\n`);
