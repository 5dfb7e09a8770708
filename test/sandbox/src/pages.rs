//! Pages of HTML that gateways send in place of an answer.

/// A page of nginx, as `src/http/ngx_http_special_response.c` puts it together.
pub(crate) fn of_nginx(words: &str) -> String {
    format!(
        "<html>\r\n<head><title>{words}</title></head>\r\n<body>\r\n<center><h1>{words}</h1></center>\r\n\
         <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
}

/// A page with a title and a form, as login pages are.
pub(crate) fn titled(title: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body><h1>{title}</h1><form method=\"post\"><input name=\"user\"></form></body>\n</html>\n"
    )
}
