import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.Scanner;

final class Check {
    private Check() {}

    public static void main(String[] args) throws Exception {
        Scanner lines = new Scanner(System.in, StandardCharsets.UTF_8);
        while (lines.hasNextLine()) {
            String[] parts = lines.nextLine().split(" ", -1);
            String[] names = {"webhook-id", "webhook-timestamp", "webhook-signature"};
            Map<String, String> headers = new HashMap<>();
            for (int index = 0; index < names.length; index++) {
                if (!parts[2 + index].equals("-")) {
                    headers.put(names[index], text(parts[2 + index]));
                }
            }
            try {
                Instant now = Instant.ofEpochSecond(Long.parseLong(text(parts[1])));
                Webhooks.verify(text(parts[0]), headers::get, Base64.getDecoder().decode(parts[5]), now);
                System.out.println("ours");
            } catch (Webhooks.NotOurs notOurs) {
                System.out.println("refused");
            }
        }
    }

    private static String text(String encoded) {
        return new String(Base64.getDecoder().decode(encoded), StandardCharsets.UTF_8);
    }
}
