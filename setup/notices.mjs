// npm run notices: writes THIRD-PARTY-NOTICES.md from the lock file.
import { writeFileSync } from 'node:fs';
import { noticesFile, noticesText } from './licences/notices.mjs';
import { thirdParties } from './licences/third-parties.mjs';

writeFileSync(noticesFile, noticesText(thirdParties()));
