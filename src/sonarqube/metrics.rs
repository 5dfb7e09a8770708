//! The names of SonarQube's metrics, and the formats of their values.
//!
//! The keys and names are those of SonarQube's own pages and of
//! <https://docs.sonarsource.com/sonarqube-server/user-guide/code-metrics/metrics-definition>.

/// The format of the values of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A number.
    Count,
    /// 0 to 100.
    Percent,
    /// 1 is A, 5 is E.
    Rating,
    /// The severity of the worst issue: 5, 10, 15, 20, 25 are info, low, medium, high, blocker.
    Severity,
    /// Minutes of work; a day has eight hours.
    Effort,
    /// Milliseconds.
    Milliseconds,
}

/// The name and format of a metric. An unknown metric has its key in words as its name, and numbers as values.
pub(crate) fn look_up(key: &str) -> (String, Kind) {
    match METRICS.binary_search_by_key(&key, |metric| metric.0) {
        Ok(index) => (METRICS[index].1.to_owned(), METRICS[index].2),
        Err(_) => (key.replace('_', " "), Kind::Count),
    }
}

/// Sorted by key.
#[rustfmt::skip]
const METRICS: &[(&str, &str, Kind)] = &[
    ("accepted_issues", "Accepted Issues", Kind::Count),
    ("blocker_violations", "Blocker Issues", Kind::Count),
    ("branch_coverage", "Condition Coverage", Kind::Percent),
    ("bugs", "Bugs", Kind::Count),
    ("classes", "Classes", Kind::Count),
    ("code_smells", "Code Smells", Kind::Count),
    ("cognitive_complexity", "Cognitive Complexity", Kind::Count),
    ("comment_lines", "Comment Lines", Kind::Count),
    ("comment_lines_density", "Comments", Kind::Percent),
    ("complexity", "Cyclomatic Complexity", Kind::Count),
    ("conditions_to_cover", "Conditions to Cover", Kind::Count),
    ("confirmed_issues", "Confirmed Issues", Kind::Count),
    ("coverage", "Coverage", Kind::Percent),
    ("critical_violations", "Critical Issues", Kind::Count),
    ("duplicated_blocks", "Duplicated Blocks", Kind::Count),
    ("duplicated_files", "Duplicated Files", Kind::Count),
    ("duplicated_lines", "Duplicated Lines", Kind::Count),
    ("duplicated_lines_density", "Duplicated Lines", Kind::Percent),
    ("effort_to_reach_maintainability_rating_a", "Effort to Reach Maintainability Rating A", Kind::Effort),
    ("false_positive_issues", "False Positive Issues", Kind::Count),
    ("files", "Files", Kind::Count),
    ("functions", "Functions", Kind::Count),
    ("high_impact_accepted_issues", "Blocker and High Severity Accepted Issues", Kind::Count),
    ("info_violations", "Info Issues", Kind::Count),
    ("line_coverage", "Line Coverage", Kind::Percent),
    ("lines", "Lines", Kind::Count),
    ("lines_to_cover", "Lines to Cover", Kind::Count),
    ("maintainability_issue_severity", "Maintainability Issue Severity on Overall Code", Kind::Severity),
    ("major_violations", "Major Issues", Kind::Count),
    ("minor_violations", "Minor Issues", Kind::Count),
    ("ncloc", "Lines of Code", Kind::Count),
    ("new_accepted_issues", "New Accepted Issues", Kind::Count),
    ("new_blocker_violations", "New Blocker Issues", Kind::Count),
    ("new_branch_coverage", "Condition Coverage on New Code", Kind::Percent),
    ("new_bugs", "New Bugs", Kind::Count),
    ("new_bugs_severity", "Bugs Severity on New Code", Kind::Severity),
    ("new_code_smells", "New Code Smells", Kind::Count),
    ("new_code_smells_severity", "Code Smells Severity on New Code", Kind::Severity),
    ("new_conditions_to_cover", "Conditions to Cover on New Code", Kind::Count),
    ("new_coverage", "Coverage on New Code", Kind::Percent),
    ("new_critical_violations", "New Critical Issues", Kind::Count),
    ("new_duplicated_blocks", "Duplicated Blocks on New Code", Kind::Count),
    ("new_duplicated_lines", "Duplicated Lines on New Code", Kind::Count),
    ("new_duplicated_lines_density", "Duplicated Lines on New Code", Kind::Percent),
    ("new_info_violations", "New Info Issues", Kind::Count),
    ("new_line_coverage", "Line Coverage on New Code", Kind::Percent),
    ("new_lines", "New Lines", Kind::Count),
    ("new_lines_to_cover", "Lines to Cover on New Code", Kind::Count),
    ("new_maintainability_issue_severity", "Maintainability Issue Severity on New Code", Kind::Severity),
    ("new_maintainability_rating", "Maintainability Rating on New Code", Kind::Rating),
    ("new_major_violations", "New Major Issues", Kind::Count),
    ("new_minor_violations", "New Minor Issues", Kind::Count),
    ("new_ncloc", "New Lines of Code", Kind::Count),
    ("new_reliability_issue_severity", "Reliability Issue Severity on New Code", Kind::Severity),
    ("new_reliability_rating", "Reliability Rating on New Code", Kind::Rating),
    ("new_reliability_remediation_effort", "Reliability Remediation Effort on New Code", Kind::Effort),
    ("new_sca_count_any_issue", "New dependency risks", Kind::Count),
    ("new_sca_count_any_security", "New dependency security risks", Kind::Count),
    ("new_sca_count_licensing", "New prohibited license dependency risks", Kind::Count),
    ("new_sca_count_malware", "New malicious package dependency risks", Kind::Count),
    ("new_sca_count_vulnerability", "New vulnerable dependency risks", Kind::Count),
    ("new_sca_rating_any_issue", "New dependency risk rating", Kind::Rating),
    ("new_sca_rating_any_security", "New dependency security risk rating", Kind::Rating),
    ("new_sca_rating_licensing", "New dependency risk rating for licenses", Kind::Rating),
    ("new_sca_rating_malware", "New dependency risk rating for malicious packages", Kind::Rating),
    ("new_sca_rating_vulnerability", "New dependency risk rating for vulnerabilities", Kind::Rating),
    ("new_sca_severity_any_issue", "New dependency risk severity", Kind::Severity),
    ("new_sca_severity_any_security", "New dependency security risk severity", Kind::Severity),
    ("new_sca_severity_licensing", "New dependency with prohibited license", Kind::Severity),
    ("new_sca_severity_malware", "New dependency malicious package severity", Kind::Severity),
    ("new_sca_severity_vulnerability", "New dependency vulnerability severity", Kind::Severity),
    ("new_security_hotspots", "New Security Hotspots", Kind::Count),
    ("new_security_hotspots_reviewed", "Security Hotspots Reviewed on New Code", Kind::Percent),
    ("new_security_issue_severity", "Security Issue Severity on New Code", Kind::Severity),
    ("new_security_rating", "Security Rating on New Code", Kind::Rating),
    ("new_security_remediation_effort", "Security Remediation Effort on New Code", Kind::Effort),
    ("new_security_review_rating", "Security Review Rating on New Code", Kind::Rating),
    ("new_software_quality_blocker_issues", "New Blocker Severity Issues", Kind::Count),
    ("new_software_quality_high_issues", "New High Severity Issues", Kind::Count),
    ("new_software_quality_info_issues", "New Info Severity Issues", Kind::Count),
    ("new_software_quality_low_issues", "New Low Severity Issues", Kind::Count),
    ("new_software_quality_maintainability_debt_ratio", "Technical Debt Ratio on New Code", Kind::Percent),
    ("new_software_quality_maintainability_issues", "New Maintainability Issues", Kind::Count),
    ("new_software_quality_maintainability_rating", "Maintainability Rating on New Code", Kind::Rating),
    ("new_software_quality_maintainability_remediation_effort", "Added Technical Debt", Kind::Effort),
    ("new_software_quality_medium_issues", "New Medium Severity Issues", Kind::Count),
    ("new_software_quality_reliability_issues", "New Reliability Issues", Kind::Count),
    ("new_software_quality_reliability_rating", "Reliability Rating on New Code", Kind::Rating),
    ("new_software_quality_reliability_remediation_effort", "Reliability Remediation Effort on New Code", Kind::Effort),
    ("new_software_quality_security_issues", "New Security Issues", Kind::Count),
    ("new_software_quality_security_rating", "Security Rating on New Code", Kind::Rating),
    ("new_software_quality_security_remediation_effort", "Security Remediation Effort on New Code", Kind::Effort),
    ("new_sqale_debt_ratio", "Technical Debt Ratio on New Code", Kind::Percent),
    ("new_technical_debt", "Added Technical Debt", Kind::Effort),
    ("new_uncovered_conditions", "Uncovered Conditions on New Code", Kind::Count),
    ("new_uncovered_lines", "Uncovered Lines on New Code", Kind::Count),
    ("new_violations", "New Issues", Kind::Count),
    ("new_vulnerabilities", "New Vulnerabilities", Kind::Count),
    ("new_vulnerabilities_severity", "Vulnerabilities Severity on New Code", Kind::Severity),
    ("open_issues", "Open Issues", Kind::Count),
    ("prioritized_rule_issues", "Issues from prioritized rules", Kind::Count),
    ("public_api", "Public API", Kind::Count),
    ("public_documented_api_density", "Public Documented API", Kind::Percent),
    ("public_undocumented_api", "Public Undocumented API", Kind::Count),
    ("pull_request_fixed_issues", "Pull request fixed issues", Kind::Count),
    ("reliability_issue_severity", "Reliability Issue Severity on Overall Code", Kind::Severity),
    ("reliability_rating", "Reliability Rating", Kind::Rating),
    ("reliability_remediation_effort", "Reliability Remediation Effort", Kind::Effort),
    ("reopened_issues", "Reopened Issues", Kind::Count),
    ("sca_count_any_issue", "Dependency risks", Kind::Count),
    ("sca_count_any_security", "Dependency security risks", Kind::Count),
    ("sca_count_licensing", "Prohibited license dependency risks", Kind::Count),
    ("sca_count_malware", "Malicious package dependency risks", Kind::Count),
    ("sca_count_vulnerability", "Vulnerable dependency risks", Kind::Count),
    ("sca_rating_any_issue", "Dependency risk rating", Kind::Rating),
    ("sca_rating_any_security", "Dependency security risk rating", Kind::Rating),
    ("sca_rating_licensing", "Dependency risk rating for licenses", Kind::Rating),
    ("sca_rating_malware", "Dependency risk rating for malicious packages", Kind::Rating),
    ("sca_rating_vulnerability", "Dependency risk rating for vulnerabilities", Kind::Rating),
    ("sca_severity_any_issue", "Dependency risk severity", Kind::Severity),
    ("sca_severity_any_security", "Dependency security risk severity", Kind::Severity),
    ("sca_severity_licensing", "Dependency with prohibited license", Kind::Severity),
    ("sca_severity_malware", "Dependency malicious package severity", Kind::Severity),
    ("sca_severity_vulnerability", "Dependency vulnerability severity", Kind::Severity),
    ("security_hotspots", "Security Hotspots", Kind::Count),
    ("security_hotspots_reviewed", "Security Hotspots Reviewed", Kind::Percent),
    ("security_issue_severity", "Security Issue Severity on Overall Code", Kind::Severity),
    ("security_rating", "Security Rating", Kind::Rating),
    ("security_remediation_effort", "Security Remediation Effort", Kind::Effort),
    ("security_review_rating", "Security Review Rating", Kind::Rating),
    ("skipped_tests", "Skipped Unit Tests", Kind::Count),
    ("software_quality_blocker_issues", "Blocker Severity Issues", Kind::Count),
    ("software_quality_high_issues", "High Severity Issues", Kind::Count),
    ("software_quality_info_issues", "Info Severity Issues", Kind::Count),
    ("software_quality_low_issues", "Low Severity Issues", Kind::Count),
    ("software_quality_maintainability_debt_ratio", "Technical Debt Ratio", Kind::Percent),
    ("software_quality_maintainability_issues", "Maintainability Issues", Kind::Count),
    ("software_quality_maintainability_rating", "Maintainability Rating", Kind::Rating),
    ("software_quality_maintainability_remediation_effort", "Technical Debt", Kind::Effort),
    ("software_quality_medium_issues", "Medium Severity Issues", Kind::Count),
    ("software_quality_releasability_rating", "Releasability Rating", Kind::Rating),
    ("software_quality_reliability_issues", "Reliability Issues", Kind::Count),
    ("software_quality_reliability_rating", "Reliability Rating", Kind::Rating),
    ("software_quality_reliability_remediation_effort", "Reliability Remediation Effort", Kind::Effort),
    ("software_quality_security_issues", "Security Issues", Kind::Count),
    ("software_quality_security_rating", "Security Rating", Kind::Rating),
    ("software_quality_security_remediation_effort", "Security Remediation Effort", Kind::Effort),
    ("sqale_debt_ratio", "Technical Debt Ratio", Kind::Percent),
    ("sqale_index", "Technical Debt", Kind::Effort),
    ("sqale_rating", "Maintainability Rating", Kind::Rating),
    ("statements", "Statements", Kind::Count),
    ("test_errors", "Unit Test Errors", Kind::Count),
    ("test_execution_time", "Unit Test Duration", Kind::Milliseconds),
    ("test_failures", "Unit Test Failures", Kind::Count),
    ("test_success_density", "Unit Test Success", Kind::Percent),
    ("tests", "Unit Tests", Kind::Count),
    ("uncovered_conditions", "Uncovered Conditions", Kind::Count),
    ("uncovered_lines", "Uncovered Lines", Kind::Count),
    ("violations", "Issues", Kind::Count),
    ("vulnerabilities", "Vulnerabilities", Kind::Count),
    ("wont_fix_issues", "Won't Fix Issues", Kind::Count),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_every_metric_is_found() {
        assert!(METRICS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (key, name, kind) in METRICS {
            assert_eq!(look_up(key), ((*name).to_owned(), *kind));
        }
    }

    #[test]
    fn an_unknown_metric_is_told_by_its_key() {
        assert_eq!(look_up("new_great_metric"), ("new great metric".to_owned(), Kind::Count));
    }
}
