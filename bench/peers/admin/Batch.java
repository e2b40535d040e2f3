import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Collection;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.config.ConfigResource;

/**
 * One request of Kafka's own AdminClient about many topics, timed from the call to the answer.
 * Arguments: SERVER create|alter PREFIX COUNT VALUE. Prints seconds.
 */
public class Batch {
    public static void main(String[] args) throws Exception {
        Properties config = new Properties();
        config.put("bootstrap.servers", args[0]);
        String prefix = args[2];
        int count = Integer.parseInt(args[3]);
        try (Admin admin = Admin.create(config)) {
            admin.describeCluster().nodes().get(); // connected: that is not counted
            List<NewTopic> topics = new ArrayList<>();
            Map<ConfigResource, Collection<AlterConfigOp>> changes = new HashMap<>();
            for (int i = 0; i < count; i++) {
                topics.add(new NewTopic(prefix + i, Optional.of(1), Optional.of((short) 1))
                    .configs(Map.of("retention.ms", args[4])));
                changes.put(new ConfigResource(ConfigResource.Type.TOPIC, prefix + i), List.of(
                    new AlterConfigOp(new ConfigEntry("retention.ms", args[4]), AlterConfigOp.OpType.SET)));
            }
            long began = System.nanoTime();
            if (args[1].equals("create")) {
                admin.createTopics(topics).all().get();
            } else {
                admin.incrementalAlterConfigs(changes).all().get();
            }
            System.out.println((System.nanoTime() - began) / 1e9);
        }
    }
}
