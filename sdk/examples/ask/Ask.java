// Asks over plain HTTP and prints the answer, which any JSON library reads:
// java sdk/examples/ask/Ask.java [folder of experiments]   (from the root; Java 17)

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;

public class Ask {
    public static void main(String[] arguments) throws Exception {
        String url = System.getenv().getOrDefault("TRACKQL_URL", "http://127.0.0.1:4000");
        String query = Files.readString(Path.of("sdk/examples/ask/ask.graphql"));
        String folder = arguments.length > 0 ? quoted(arguments[0]) : "null";
        String body = "{\"query\": %s, \"variables\": {\"folder\": %s}}".formatted(quoted(query), folder);
        // Without this, Java would first offer HTTP/2, which the server does not speak.
        HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        HttpRequest request = HttpRequest.newBuilder(URI.create(url + "/graphql"))
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
        HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
        System.out.println(answer.body());
        if (answer.statusCode() != 200) {
            System.exit(1);
        }
    }

    /** A text as JSON has it. */
    private static String quoted(String text) {
        StringBuilder json = new StringBuilder("\"");
        for (char each : text.toCharArray()) {
            if (each == '"' || each == '\\') {
                json.append('\\').append(each);
            } else if (each < ' ') {
                json.append("\\u%04x".formatted((int) each));
            } else {
                json.append(each);
            }
        }
        return json.append('"').toString();
    }
}
