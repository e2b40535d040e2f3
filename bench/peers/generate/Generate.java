import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Scanner;
import java.util.stream.Collectors;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.metadata.placement.UsableBroker;
import org.apache.kafka.tools.reassign.ReassignPartitionsCommand;

/**
 * What {@code kafka-reassign-partitions --generate} proposes, by Kafka's own code and without a cluster.
 * Arguments: brokers, "id" or "id:rack". Standard input: a line "topic partition 1,2,3" for each partition.
 */
public class Generate {
    @SuppressWarnings("unchecked")
    public static void main(String[] args) throws Exception {
        Map<TopicPartition, List<Integer>> now = new LinkedHashMap<>();
        Scanner in = new Scanner(System.in);
        while (in.hasNext()) {
            TopicPartition partition = new TopicPartition(in.next(), in.nextInt());
            now.put(partition, Arrays.stream(in.next().split(",")).map(Integer::parseInt).toList());
        }
        List<UsableBroker> brokers = new ArrayList<>();
        for (String argument : args) {
            String[] words = argument.split(":");
            Optional<String> rack = words.length > 1 ? Optional.of(words[1]) : Optional.empty();
            brokers.add(new UsableBroker(Integer.parseInt(words[0]), rack, false));
        }
        var calculate = ReassignPartitionsCommand.class.getDeclaredMethod(
            "calculateAssignment", Map.class, List.class);
        calculate.setAccessible(true);
        var found = (Map<TopicPartition, List<Integer>>) calculate.invoke(null, now, brokers);
        now.keySet().forEach(each -> System.out.println(each.topic() + " " + each.partition() + " "
            + found.get(each).stream().map(String::valueOf).collect(Collectors.joining(","))));
    }
}
