"""The smallest pipe on Atlassian's toolkit: it checks its variables and posts one build status."""

import requests
from bitbucket_pipes_toolkit import Pipe

PLACE = ("BITBUCKET_API_URL", "BITBUCKET_ACCESS_TOKEN", "WORKSPACE", "REPO_SLUG", "COMMIT")
FIELDS = ("STATE", "KEY", "NAME", "DESCRIPTION", "URL")


class StatusPipe(Pipe):
    def run(self):
        super().run()
        api, _, workspace, slug, commit = (self.get_variable(name) for name in PLACE)
        answer = requests.post(
            f"{api}/repositories/{workspace}/{slug}/commit/{commit}/statuses/build",
            json={"type": "build", **{name.lower(): self.get_variable(name) for name in FIELDS}},
            auth=self.resolve_auth(),
            timeout=30,
        )
        if not answer.ok:
            self.fail(f"Bitbucket answered {answer.status_code}: {answer.text}")
        self.success("The status was posted.")


schema = {name: {"type": "string", "required": True} for name in PLACE + FIELDS}
StatusPipe(pipe_metadata={"name": "Status"}, schema=schema).run()
