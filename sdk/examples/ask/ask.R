# Asks over plain HTTP: Rscript sdk/examples/ask/ask.R [folder of experiments]
# Needs the packages httr2 and jsonlite.
library(httr2)

script <- sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))
query <- paste(readLines(file.path(dirname(script), "ask.graphql")), collapse = "\n")
url <- Sys.getenv("TRACKQL_URL", "http://127.0.0.1:4000")
given <- commandArgs(trailingOnly = TRUE)
folder <- if (length(given)) given[[1]] else NA

answer <- request(paste0(url, "/graphql")) |>
  req_body_json(list(query = query, variables = list(folder = folder))) |>
  req_error(is_error = \(response) FALSE) |> # a refusal is told in the answer
  req_perform() |>
  resp_body_json()
if (!is.null(answer$errors)) stop(answer$errors[[1]]$message)

# NaN and infinities come as text.
number <- function(value) {
  if (is.null(value)) "" else format(as.numeric(value), digits = 17)
}
for (run in answer$data$best$nodes) {
  cat(number(run$metrics$nodes[[1]]$last$value), run$name, run$id, sep = "\t")
  cat("\n")
}
cat("\n")
for (group in answer$data$optimizers$groups) {
  optimizer <- group$values[[1]]
  if (is.null(optimizer)) optimizer <- "none"
  cat(optimizer, group$runs, number(group$measures[[1]]$mean), sep = "\t")
  cat("\n")
}
