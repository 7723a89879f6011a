// Prints the sums that tools/test/main.mjs --totals wrote: "N passed, N failed". Fails if there are
// none, or if no test ran: an empty suite proves nothing.
import { readFileSync } from 'node:fs';
import { sentenceOf } from './totals.mjs';

const text = readFileSync(process.argv[2], 'utf8');
const totals = text === '' ? undefined : JSON.parse(text);
if (totals === undefined || totals.passed + totals.failed === 0) process.exitCode = 1;
else console.log(sentenceOf(totals));
