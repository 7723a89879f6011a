// A hop of three members, rolled back from every step (../thorough has the other hops as well).

import { describeRollbacksFromEverywhere } from '../../support/rollbacks-from-everywhere';

jest.setTimeout(1_200_000);

describeRollbacksFromEverywhere(3, '1.28');
