import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonFactory;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;

/** A report that the job accepts; a POJO to Flink's serializer. */
public final class Report {
    static final long BUCKET_MS = 600_000;
    static final String[] CATEGORIES = new String[60];
    private static final Map<String, Integer> NUMBERS = new HashMap<>();
    private static final JsonFactory JSON = new JsonFactory();

    static {
        String topics = "road water power gas sanitation greening noise parking building fire public-order livelihood";
        String kinds = "damage leak overflow blocked complaint";
        for (String topic : topics.split(" ")) {
            for (String kind : kinds.split(" ")) {
                CATEGORIES[NUMBERS.size()] = topic + "." + kind;
                NUMBERS.put(topic + "." + kind, NUMBERS.size());
            }
        }
    }

    public String source;
    public String id;
    public long ts;
    public int category;
    public int column;
    public int row;

    /** The report that a line is; null if it breaks a rule of the job. Throws if it is no JSON object. */
    static Report of(byte[] line) throws IOException {
        try (JsonParser json = JSON.createParser(line)) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                throw new IOException("not an object");
            }
            Report report = new Report();
            String category = null;
            double lng = 0;
            double lat = 0;
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                String field = json.currentName();
                JsonToken value = json.nextToken();
                switch (field) {
                    case "source" -> report.source = text(json, value);
                    case "id" -> report.id = text(json, value);
                    case "ts" -> report.ts = value == JsonToken.VALUE_NUMBER_INT ? json.getLongValue() : 0;
                    case "lng" -> lng = value.isNumeric() ? json.getDoubleValue() : 0;
                    case "lat" -> lat = value.isNumeric() ? json.getDoubleValue() : 0;
                    case "category" -> category = text(json, value);
                    default -> json.skipChildren();
                }
            }
            if (json.currentToken() != JsonToken.END_OBJECT || json.nextToken() != null) {
                throw new IOException("not one object");
            }
            return report.place(lng, lat) && report.name(category) ? report : null;
        }
    }

    private static String text(JsonParser json, JsonToken value) throws IOException {
        json.skipChildren();
        return value == JsonToken.VALUE_STRING ? json.getText() : null;
    }

    private boolean place(double lng, double lat) {
        column = (int) (Math.round(lng * 1e6) - 121_450_000) / 1049;
        row = (int) (Math.round(lat * 1e6) - 30_900_000) / 902;
        return lng >= 121.45 && lng < 121.95 && lat >= 30.9 && lat < 31.4;
    }

    private boolean name(String word) {
        Integer number = NUMBERS.get(word);
        category = number == null ? 0 : number;
        return number != null
                && ("sensor".equals(source) || "app".equals(source) || "hotline".equals(source))
                && id != null
                && !id.isEmpty()
                && id.getBytes(StandardCharsets.UTF_8).length <= 64
                && ts > 0;
    }

    long bucket() {
        return ts / BUCKET_MS;
    }

    int cell() {
        return row * 477 + column;
    }

    int department() {
        return (category * 7 + 3) % 40;
    }

    int area() {
        return row / 50 * 10 + column / 50;
    }

    /** The units that can get its case. */
    int pool() {
        return department() * 120 + area();
    }
}
