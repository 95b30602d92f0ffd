// A worker, because Aedes is an ES module, which Jest cannot load.
import { createServer } from 'node:net';
import { parentPort } from 'node:worker_threads';
import { Aedes } from 'aedes';

const broker = await Aedes.createBroker();
const server = createServer({ noDelay: true }, broker.handle);
server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
