import {
  cordonPurpose,
  drainCordonReason,
  quarantineCordonReason,
  restoredQuarantineReason,
  rollBackCordonReason,
  setAsideCordonReason,
  upgradeCordonReason,
} from '../../../domain/drain/cordon-reasons';
import { hopId, version } from '../../support/builders';

const hop = { id: hopId('hop-1.29'), from: version('1.28.15'), to: version('1.29.15') };
const ada = { actor: 'ada', reason: 'new memory' };

describe('the words of a cordon', () => {
  it.each([
    { words: upgradeCordonReason(hop), say: 'ascent: hop-1.29, to 1.29.15', purpose: 'upgrade' },
    {
      words: rollBackCordonReason(hop),
      say: 'ascent: rollback of hop-1.29, to 1.28.15',
      purpose: 'upgrade',
    },
    {
      words: quarantineCordonReason(ada, { code: 'node-not-ready', message: 'it is away' }),
      say: 'ascent: quarantined by ada: new memory; node-not-ready: it is away',
      purpose: 'quarantine',
    },
    {
      words: setAsideCordonReason(hop.id),
      say: "ascent: quarantined by the pool's policy: its drain ended at its deadline in hop-1.29",
      purpose: 'quarantine',
    },
    {
      words: restoredQuarantineReason(hop.id),
      say: 'ascent: quarantined before hop-1.29 was undone',
      purpose: 'quarantine',
    },
    { words: drainCordonReason(ada), say: 'ascent: drained by ada: new memory', purpose: 'drain' },
    { words: 'ascent: who knows', say: 'ascent: who knows', purpose: 'other' },
  ] as const)('$say is for: $purpose', ({ words, say, purpose }) => {
    expect(words).toBe(say);
    expect(cordonPurpose(words)).toBe(purpose);
  });
});
