// Loaded into n8n: kills it right after it has answered a webhook with success, before it can start the execution.
const { ServerResponse } = require('node:http');

const end = ServerResponse.prototype.end;
ServerResponse.prototype.end = function (chunk, ...more) {
	if (String(chunk) === '{"status":"OK"}') this.once('finish', () => process.kill(process.pid, 'SIGKILL'));
	return end.call(this, chunk, ...more);
};
