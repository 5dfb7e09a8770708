//! The part of Bitbucket's API that keeps Code Insights reports:
//! <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-reports/>. It needs the scope `repository`, as a status
//! does.

use reqwest::{Method, StatusCode, Url};

use crate::{
    bitbucket::{
        api::Bitbucket,
        refusal::{Purpose, Refusal},
    },
    http::{
        client::{Request, RequestBody},
        failed_request::Unusable,
    },
    model::{
        insights::{Annotation, Report},
        target::Target,
    },
};

impl Bitbucket<'_> {
    /// Deletes a report with its annotations. A report that does not exist is deleted.
    ///
    /// # Errors
    ///
    /// When Bitbucket refuses it or cannot be reached.
    pub(crate) async fn delete_report(&self, target: &Target, id: &str) -> Result<(), Box<Refusal>> {
        let request = Request { method: Method::DELETE, url: self.report_url(target, id), body: None };
        match self.change_report(target, request).await {
            Err(refusal) if refusal.failed.status_code() == Some(StatusCode::NOT_FOUND) => Ok(()),
            deleted => deleted,
        }
    }

    /// Creates a report, or replaces its fields. Its annotations stay.
    ///
    /// # Errors
    ///
    /// When Bitbucket refuses it or cannot be reached.
    pub(crate) async fn put_report(&self, target: &Target, report: &Report) -> Result<(), Box<Refusal>> {
        let body = Some(RequestBody::Json(report.to_json()));
        let request = Request { method: Method::PUT, url: self.report_url(target, &report.id), body };
        self.change_report(target, request).await
    }

    /// Adds annotations to a report, at most 100. One that is refused refuses all.
    ///
    /// # Errors
    ///
    /// When Bitbucket refuses it or cannot be reached.
    pub(crate) async fn post_annotations(
        &self,
        target: &Target,
        report_id: &str,
        annotations: &[Annotation],
    ) -> Result<(), Box<Refusal>> {
        let body = Some(RequestBody::Json(Annotation::to_json(annotations)));
        let url = self.annotations_url(target, report_id);
        self.change_report(target, Request { method: Method::POST, url, body }).await
    }

    /// Prints the requests that would be sent.
    pub(crate) fn print_report(&self, target: &Target, report: &Report, batches: &[&[Annotation]]) {
        let url = self.report_url(target, &report.id);
        let requests = [
            (!batches.is_empty()).then(|| (format!("DELETE {url}"), None)),
            Some((format!("PUT {url}"), Some(report.to_json()))),
        ];
        let annotations = self.annotations_url(target, &report.id);
        let batches =
            batches.iter().map(|batch| (format!("POST {annotations}"), Some(Annotation::to_json(batch))));
        let console = self.client.console.of_run();
        for (request, body) in requests.into_iter().flatten().chain(batches) {
            console.line("DRY_RUN: this request was not sent");
            console
                .detail("request", format_args!("{request} {}", self.credential.authorization.description));
            if let Some(body) = body {
                console.detail("body", body);
            }
        }
    }

    async fn change_report(&self, target: &Target, request: Request) -> Result<(), Box<Refusal>> {
        let purpose = || Purpose::PostReport(target.repository.clone(), target.commit.clone());
        let exchange = self.send(&request, purpose).await?;
        match exchange.response.status_code {
            // A proxy or a login page answers 200 as well.
            StatusCode::OK | StatusCode::CREATED if exchange.response.body.json().is_none() => {
                let wrong = Unusable::of(&exchange.response);
                Err(self.refusal(purpose(), self.client.unusable(&request, exchange, wrong)))
            }
            StatusCode::OK | StatusCode::CREATED | StatusCode::NO_CONTENT => Ok(()),
            _ => Err(self.refusal(purpose(), self.client.refused(&request, exchange))),
        }
    }

    fn report_url(&self, target: &Target, id: &str) -> Url {
        self.url(&target.repository, ["commit", target.commit.as_str(), "reports", id])
    }

    fn annotations_url(&self, target: &Target, id: &str) -> Url {
        self.url(&target.repository, ["commit", target.commit.as_str(), "reports", id, "annotations"])
    }
}
