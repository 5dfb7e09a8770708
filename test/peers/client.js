// Posts a build status to each commit of a file with the npm package `bitbucket`, up to 8 at the same time.
"use strict";

const { readFileSync } = require("node:fs");
const https = require("node:https");
const { Bitbucket } = require("bitbucket");

const { env } = process;
const AT_ONCE = 8;
const commits = readFileSync(process.argv[2], "utf8").trim().split("\n");

const client = new Bitbucket({
  baseUrl: env.BITBUCKET_API_URL,
  auth: { token: env.BITBUCKET_ACCESS_TOKEN },
  notice: false,
  // Without an agent, the client opens a connection for each request.
  request: { agent: new https.Agent({ keepAlive: true, maxSockets: AT_ONCE }) },
});

async function postUntilDone() {
  for (let commit = commits.pop(); commit; commit = commits.pop()) {
    await client.repositories.createCommitBuildStatus({
      workspace: env.WORKSPACE,
      repo_slug: env.REPO_SLUG,
      commit,
      _body: {
        type: "build",
        state: env.STATE,
        key: env.KEY,
        name: env.NAME,
        description: env.DESCRIPTION,
        url: env.URL,
      },
    });
  }
}

// The idle connections would keep the process alive for some seconds.
Promise.all(Array.from({ length: AT_ONCE }, postUntilDone)).then(() => process.exit(0));
