// Shows one result of an analysis: fetched by the page, since a link can send no key, and shown where nothing may run.

import { getBlob } from './client.js';
import { troubleOf } from './connection.js';

const [problem, frame] = ['problem', 'result'].map((id) => document.getElementById(id));
const [id, name] = location.pathname.split('/').slice(2);

try {
  frame.srcdoc = await (await getBlob(`/v1/analyses/${id}/results/${name}`)).text();
  frame.hidden = false;
} catch (error) {
  problem.textContent = error.status ? troubleOf(error).sentence : 'moodline does not answer; load this page again later.';
  problem.hidden = false;
}
